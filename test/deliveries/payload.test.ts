import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { streams } from '../../src/commands/handle.js';
import { payloads, publishedArea, recordArea } from '../../src/deliveries/payload.js';
import { deliveryViews } from '../../src/dialects/deliveries.js';
import { dialects } from '../../src/dialects/dialect.js';
import { namespaceViews } from '../../src/dialects/namespaces.js';
import { payload } from '../../src/dialects/payloads.js';
import { webhookViews } from '../../src/dialects/webhooks.js';
import { workspaceViews } from '../../src/dialects/workspaces.js';
import { publicId } from '../../src/domain/ids.js';
import type { WorkspaceEvent } from '../../src/domain/workspaces.js';
import { workspace } from '../../src/domain/workspaces.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';
import { attempted, published, put, uuid, workspaceDeleted, workspaceRenamed } from '../support/fanned.js';

const W = uuid(0xa);
const stream = `workspace-${W}`;
const created: WorkspaceEvent = {
  type: 'WorkspaceCreated',
  data: {
    workspaceId: W,
    number: 7,
    name: 'Old',
    slug: 'old',
    tier: 'pro',
    settings: { timezone: 'UTC' },
    tags: [],
    metadata: {},
    ownerId: uuid(0xb),
  },
};

let files: TestLog;
beforeEach(async () => {
  files = await testLog();
});
afterEach(() => files.stop());

const telling = (views = workspaceViews) => {
  const { log } = files;
  const handled = streams(log, 'workspace', workspace);
  return payloads({
    log,
    areas: {
      workspace: recordArea(handled, ({ record }) => record, views),
      published: publishedArea,
    },
    workspaceNumber: async (id) => (await handled.load(id)).state.record?.number,
  });
};
const history = () =>
  put(
    files.log,
    { stream, event: created, audience: [W] },
    workspaceRenamed(W),
    workspaceDeleted(W, uuid(0xc)),
  );

describe('the body of a webhook', () => {
  test('shows the record as it was at that event, in either dialect', async () => {
    await history();
    const [first] = await eventsIn(files.log);
    const { text, correlationId } = await telling().body({ stream, revision: 0 }, '2026');
    expect(JSON.parse(text)).toEqual({
      id: publicId('event', first?.id ?? ''),
      type: 'workspace.created',
      created_at: '2026-01-15T10:30:00Z',
      workspace_id: 7,
      data: {
        id: 7,
        name: 'Old',
        slug: 'old',
        tier: 'pro',
        settings: { timezone: 'UTC' },
        created_at: '2026-01-15T10:30:00Z',
        updated_at: '2026-01-15T10:30:00Z',
        status: 'active',
      },
    });
    expect(correlationId).toBe(first?.metadata.correlationId);
    const old = JSON.parse((await telling().body({ stream, revision: 0 }, '2024')).text);
    expect(old).toEqual({
      id: publicId('event', first?.id ?? ''),
      type: 'workspace.created',
      created_at: '2026-01-15T10:30:00Z',
      data: {
        object: {
          id: publicId('workspace', W),
          type: 'workspace',
          attributes: expect.objectContaining({ name: 'Old', slug: 'old' }),
        },
      },
    });
    expect(old.data.object.attributes).not.toHaveProperty('id');
  });

  test('tells of an update and of the deletion what the record was then', async () => {
    await history();
    const told = telling();
    const texts = await Promise.all([1, 2].map((revision) => told.body({ stream, revision }, '2026')));
    expect(texts.map(({ text }) => JSON.parse(text))).toMatchObject([
      { type: 'workspace.updated', data: { name: 'New' } },
      { type: 'workspace.deleted', data: { name: 'New', id: 7 } },
    ]);
  });

  test('is the same bytes at every call, from a fresh process too', async () => {
    await history();
    const told = telling();
    const calls = [told, told, telling()].map((one) => one.body({ stream, revision: 1 }, '2026'));
    expect(new Set((await Promise.all(calls)).map(({ text }) => text)).size).toBe(1);
  });

  test('has the fields that are told, where nothing else is said those of a single record', async () => {
    await history();
    const fieldsOf = async (told: { told?: readonly string[] }) => {
      const { told: _, ...view } = workspaceViews[2026];
      const views = { ...workspaceViews, 2026: { ...view, ...told } };
      return Object.keys(JSON.parse((await telling(views).body({ stream, revision: 0 }, '2026')).text).data);
    };
    expect(await fieldsOf({ told: ['id', 'status'] })).toEqual(['id', 'status']);
    expect(await fieldsOf({})).toEqual(workspaceViews[2026].single);
  });

  test.each(dialects)('leaves out what comes from elsewhere (%s)', (dialect) => {
    const views = [namespaceViews[dialect], webhookViews[dialect]];
    const elsewhere = /^(packages|entitlements|.*_count|consecutive_failures|last_delivery_at)$/;
    expect(
      views.flatMap(({ told, single }) => told ?? single).filter((name) => elsewhere.test(name)),
    ).toEqual([]);
  });

  test('hands on what a caller published as it was given', async () => {
    await put(files.log, { stream, event: created, audience: [W] }, published(W, 'post.comment.created'));
    const [, event] = await eventsIn(files.log);
    const source = { stream: event?.stream ?? '', revision: 0 };
    expect(JSON.parse((await telling().body(source, '2026')).text)).toMatchObject({
      type: 'post.comment.created',
      workspace_id: 7,
      data: { id: 42 },
    });
    expect(JSON.parse((await telling().body(source, '2024')).text)).toMatchObject({
      data: { object: { id: 42, type: 'post.comment', attributes: {} } },
    });
  });

  test('does not exist for an event that is not delivered', async () => {
    const placed = attempted(uuid(1), W);
    await put(files.log, placed);
    await expect(telling().body({ stream: placed.stream, revision: 0 }, '2026')).rejects.toThrow(
      'no payload',
    );
    await expect(telling().body({ stream: 'workspace-none', revision: 3 }, '2026')).rejects.toThrow(
      'no event',
    );
  });
});

test('an object without an id of its own goes under that of its event in the older dialect', () => {
  const told = {
    id: uuid(1),
    type: 'post.created',
    at: '2026-01-15T10:30:00.123Z',
    workspaceNumber: null,
    record: { a: 1 },
  };
  expect(payload('2024', told)).toMatchObject({
    data: { object: { id: publicId('event', uuid(1)), type: 'post', attributes: { a: 1 } } },
  });
  expect(payload('2026', told)).toMatchObject({
    workspace_id: null,
    data: { a: 1 },
    created_at: '2026-01-15T10:30:00Z',
  });
});

test('every field that a view names exists, in both dialects', () => {
  for (const view of Object.values(deliveryViews))
    for (const name of [...view.list, ...view.single, ...view.created])
      expect(Object.keys(view.fields)).toContain(name);
});
