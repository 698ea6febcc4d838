// Endpoint for publishing the caller's own events.

import { z } from 'zod';
import type { EventCommands } from '../commands/events.js';
import { told } from '../dialects/envelopes.js';
import { acceptedEvent } from '../dialects/events.js';
import { isEventType, isReserved } from '../domain/event-types.js';
import { toldExample } from './doc-examples.js';
import { fields } from './fields.js';
import { type Route, route } from './route.js';

const PublishBody = z.strictObject({
  type: z
    .string()
    .superRefine((type, context) => {
      if (!isEventType(type)) context.addIssue('The :attribute must be an event type such as post.created.');
      else if (isReserved(type)) context.addIssue('The :attribute begins with a word that is reserved.');
    })
    .meta({ maxLength: 100, examples: ['post.created'] }),
  data: fields.jsonObject,
  id: fields
    .text(255)
    .optional()
    .meta({ description: 'Your own id of the event: the same twice is one event.' }),
});

export const eventRoutes = ({ events }: { events: EventCommands }): Route[] => [
  route({
    method: 'POST',
    path: '/events',
    scope: 'events:write',
    body: PublishBody,
    doc: {
      id: 'publishEvent',
      tag: 'Events',
      summary: 'Publish an event of your own',
      description:
        'The event is stored and delivered to the webhook endpoints that subscribe to its type. With an `id`, publishing it again changes nothing and answers the same; the same `id` with other content is a conflict.',
      requestExample: { type: 'post.created', data: { id: 42, title: 'Hello' }, id: 'post-42-created' },
      success: {
        status: 202,
        description: 'The event is stored and will be delivered.',
        ...toldExample('Event accepted.', {
          id: 'evt_01kf0d92j0fgyag8mxvs5w3s0c',
          type: 'post.created',
          created_at: '2026-01-15T10:30:00Z',
        }),
      },
      refusals: { 409: 'An event with this id and other content was published before.' },
    },
    // Answered as soon as it is on disk: no list shows it, so nothing is waited for.
    handle: async ({ body, command, workspace, dialect }) => ({
      status: 202,
      body: told(
        dialect,
        'Event accepted.',
        acceptedEvent(await events.publish(body, { command, workspace })),
      ),
    }),
  }),
];
