import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { type CommandContext, systemContext } from '../../src/commands/context.js';
import { type EventCommands, eventCommands } from '../../src/commands/events.js';
import { StaleCommand } from '../../src/commands/folding.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';

const workspace = { id: '01980000-0000-7000-8000-00000000000a' };
const other = { id: '01980000-0000-7000-8000-00000000000b' };
const post = { type: 'post.created', data: { id: 42 } };

let store: TestLog;
let log: EventLog;
let events: EventCommands;
let at: Date;
const asking = (command: CommandContext = systemContext('test'), inside = workspace) => ({
  command,
  workspace: inside,
});
const again = (command: CommandContext): CommandContext => ({ ...command, retry: true });

beforeEach(async () => {
  store = await testLog();
  log = store.log;
  at = new Date('2026-01-15T10:30:00.000Z');
  events = eventCommands(log, () => at);
});
afterEach(() => store.stop());

test('an event is in the log under the id that is answered, for its workspace to see', async () => {
  const { id, type, createdAt } = await events.publish(post, asking());
  expect(await eventsIn(log)).toMatchObject([
    {
      id,
      type: 'EventPublished',
      stream: expect.stringMatching(/^published-[0-9a-f-]{36}$/),
      revision: 0,
      data: { workspaceId: workspace.id, ...post },
      metadata: { at: createdAt, audience: [workspace.id] },
    },
  ]);
  expect([type, createdAt]).toEqual(['post.created', '2026-01-15T10:30:00.000Z']);
});

test('without an id each call is an event of its own', async () => {
  const ids = [await events.publish(post, asking()), await events.publish(post, asking())].map(
    ({ id }) => id,
  );
  expect(new Set(ids).size).toBe(2);
});

describe('the same id', () => {
  test('is one event, also when many arrive at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => events.publish({ ...post, id: 'p-42' }, asking())),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await eventsIn(log)).toHaveLength(1);
  });
  test('answers what the first one was answered, ever after', async () => {
    const first = await events.publish({ ...post, id: 'p-42' }, asking());
    at = new Date('2027-01-15T10:30:00.000Z');
    expect(await events.publish({ ...post, id: 'p-42' }, asking())).toEqual(first);
  });
  test('with other content is a conflict', async () => {
    await events.publish({ ...post, id: 'p-42' }, asking());
    for (const changed of [
      { ...post, data: { id: 43 } },
      { ...post, type: 'post.updated' },
    ])
      await expect(events.publish({ ...changed, id: 'p-42' }, asking())).rejects.toMatchObject({
        code: 'conflict',
      });
    expect(await eventsIn(log)).toHaveLength(1);
  });
  test('in another workspace is another event', async () => {
    const first = await events.publish({ ...post, id: 'p-42' }, asking());
    const second = await events.publish({ ...post, id: 'p-42' }, asking(undefined, other));
    expect(second.id).not.toBe(first.id);
  });
});

describe('a command that is run again', () => {
  test('publishes once', async () => {
    const command = systemContext('test');
    const first = await events.publish(post, asking(command));
    expect(await events.publish(post, asking(again(command)))).toEqual(first);
    expect(await eventsIn(log)).toHaveLength(1);
  });
  test('after more than a day is another command', async () => {
    const command = systemContext('test');
    await events.publish(post, asking(command));
    at = new Date('2026-01-16T10:30:00.001Z');
    await expect(events.publish(post, asking(again(command)))).rejects.toBeInstanceOf(StaleCommand);
  });
});
