import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PublishedEvent, publishedEvent } from '../../src/domain/events.js';
import { AT, given } from '../support/given.js';

const workspaceId = '01980000-0000-7000-8000-000000000002';
const event = (data: object): PublishedEvent => ({
  type: 'EventPublished',
  data: { workspaceId, type: 'post.created', data: data as Record<string, never> },
});
const publish = (data: object, name = 'post.created') =>
  ({ type: 'PublishEvent', workspaceId, name, data: data as Record<string, never> }) as const;

test('an event is published as it was given', () => {
  given(publishedEvent)
    .when(publish({ id: 42 }))
    .then(event({ id: 42 }));
  expect(given(publishedEvent, event({ id: 42 })).state()).toEqual({
    type: 'post.created',
    data: { id: 42 },
    createdAt: AT,
  });
});

test('the same content again is no second event, whatever the order of its keys', () =>
  given(publishedEvent, event({ id: 42, list: [1, { a: null, b: 2 }] }))
    .when(publish({ list: [1, { b: 2, a: null }], id: 42 }))
    .then());

test('other content or another name under the same id is refused', () => {
  const history = given(publishedEvent, event({ id: 42, list: [1, 2] }));
  history.when(publish({ id: 43, list: [1, 2] })).thenRefused('conflict');
  history.when(publish({ id: 42, list: [2, 1] })).thenRefused('conflict');
  history.when(publish({ id: 42, list: { 0: 1, 1: 2 } })).thenRefused('conflict');
  history.when(publish({ id: 42, list: [1, 2], more: null })).thenRefused('conflict');
  history.when(publish({ id: 42, list: [1, 2] }, 'post.updated')).thenRefused('conflict');
});

test('any JSON object equals itself after a round trip through the log', () =>
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
      const sent = JSON.parse(JSON.stringify(data));
      given(publishedEvent, event(JSON.parse(JSON.stringify(sent))))
        .when(publish(sent))
        .then();
    }),
  ));
