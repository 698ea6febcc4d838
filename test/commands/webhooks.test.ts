import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { ReadModels } from '../../src/adapters/read-models/port.js';
import { keyring, seal, unseal } from '../../src/adapters/seal.js';
import { type CommandContext, systemContext } from '../../src/commands/context.js';
import { type NewWebhook, type WebhookCommands, webhookCommands } from '../../src/commands/webhooks.js';
import { webhookQuota } from '../../src/domain/tiers.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { webhooks as projection } from '../../src/projections/webhooks.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';

const { 'webhook-secret': key } = keyring(randomBytes(32));
const secrets = {
  seal: (plain: string, aad: string) => seal(key, plain, aad),
  open: (sealed: string, aad: string) => unseal(key, sealed, aad).toString(),
};
const workspace = { id: '01980000-0000-7000-8000-00000000000a', tier: 'free' as const };
const wanted: NewWebhook = {
  url: 'https://your-app.com/webhooks',
  events: ['post.created', 'post.created'],
  scheme: '2026',
};
const at = new Date('2026-01-15T10:30:00.000Z');

let store: TestLog;
let log: EventLog;
let readModels: ReadModels;
let webhooks: WebhookCommands;
const checked: string[] = [];
const asking = (command: CommandContext = systemContext('test', { now: at.toISOString() })) => ({
  command,
  workspace,
});
const again = (command: CommandContext): CommandContext => ({ ...command, retry: true });
/** Rows of what is in the log. */
const project = async () => {
  const handler = projectionHandler(projection, readModels, log.id);
  const events = (await eventsIn(log)).filter(({ type }) => projection.events.has(type));
  await handler.handle({ events, position: await log.head(), caughtUp: true });
};

beforeEach(async () => {
  store = await testLog();
  log = store.log;
  readModels = embeddedReadModels([projection]);
  checked.length = 0;
  webhooks = webhookCommands({
    log,
    readModels,
    secrets,
    checkTarget: async (url) => void checked.push(url),
    now: () => at,
  });
});
afterEach(() => store.stop());

describe('the secret', () => {
  test('is made up where none is given, and is in the log only sealed', async () => {
    const { record, secret } = await webhooks.create(wanted, asking());
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(JSON.stringify(await eventsIn(log))).not.toContain(secret.slice(6, 20));
    expect(secrets.open(record.secret, record.id)).toBe(secret);
    expect(() => secrets.open(record.secret, workspace.id)).toThrow();
  });
  test('is another one at each creation and rotation', async () => {
    const first = await webhooks.create(wanted, asking());
    const second = await webhooks.create(wanted, asking());
    const rotated = await webhooks.rotateSecret(first.record.id, 60, asking());
    expect(new Set([first.secret, second.secret, rotated.secret]).size).toBe(3);
    expect(secrets.open(rotated.record.previousSecret ?? '', rotated.record.id)).toBe(first.secret);
    expect(rotated.record.previousUntil).toBe('2026-01-15T10:31:00.000Z');
  });
});

describe('a command that is run again', () => {
  test('makes one endpoint and shows the same secret', async () => {
    const command = systemContext('test');
    const first = await webhooks.create(wanted, asking(command));
    const before = await log.head();
    const second = await webhooks.create(wanted, asking(again(command)));
    expect(second).toEqual(first);
    expect(await log.head()).toBe(before);
    expect(checked).toHaveLength(1);
  });
  test('after a crash before its event makes what it would have made', async () => {
    const command = systemContext('test');
    const { secret, record } = await webhooks.create(wanted, asking(again(command)));
    const other = webhookCommands({
      log,
      readModels,
      secrets,
      checkTarget: async () => undefined,
      now: () => at,
    });
    const repeated = await other.create(wanted, asking(again(command)));
    expect(repeated).toMatchObject({ secret, record: { id: record.id, number: 1 } });
  });
  test('rotates once and shows the same secret', async () => {
    const { record } = await webhooks.create(wanted, asking());
    const command = systemContext('test', { now: at.toISOString() });
    const first = await webhooks.rotateSecret(record.id, 60, asking(command));
    const second = await webhooks.rotateSecret(record.id, 60, asking(again(command)));
    expect(second).toEqual(first);
    expect(await eventsIn(log, `webhookEndpoint-${record.id}`)).toHaveLength(2);
  });
  test('changes once, whatever its target has become since', async () => {
    const { record } = await webhooks.create(wanted, asking());
    const command = systemContext('test');
    const changes = { url: 'https://new-url.com/' };
    const first = await webhooks.update(record.id, changes, asking(command));
    await webhooks.remove(record.id, asking());
    const before = checked.length;
    expect(await webhooks.update(record.id, changes, asking(again(command)))).toEqual(first);
    expect(checked).toHaveLength(before);
  });
  test('deletes once', async () => {
    const { record } = await webhooks.create(wanted, asking());
    const command = systemContext('test');
    const first = await webhooks.remove(record.id, asking(command));
    expect(await webhooks.remove(record.id, asking(again(command)))).toEqual(first);
    await expect(webhooks.remove(record.id, asking())).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the quota', () => {
  test('is that of the workspace’s tier', () =>
    expect(webhookQuota).toEqual({
      free: 5,
      starter: 10,
      pro: 20,
      agency: 100,
      business: 100,
      enterprise: Infinity,
    }));
  test('holds under racing creations, before any row shows them', async () => {
    const made = await Promise.allSettled(Array.from({ length: 8 }, () => webhooks.create(wanted, asking())));
    expect(made.map(({ status }) => status)).toEqual([
      ...Array(5).fill('fulfilled'),
      ...Array(3).fill('rejected'),
    ]);
    expect(made[7]).toMatchObject({
      reason: { code: 'feature_limit_reached', details: { feature: 'webhooks' } },
    });
  });
  test('frees a place with a deletion, and is another one in another workspace and tier', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => webhooks.create(wanted, asking())));
    await project();
    await expect(webhooks.create(wanted, asking())).rejects.toMatchObject({ code: 'feature_limit_reached' });
    await webhooks.create(wanted, {
      ...asking(),
      workspace: { ...workspace, id: '01980000-0000-7000-8000-00000000000b' },
    });
    await webhooks.create(wanted, { ...asking(), workspace: { ...workspace, tier: 'starter' } });
    for (const { record } of made.slice(0, 2)) await webhooks.remove(record.id, asking());
    await project();
    await expect(webhooks.create(wanted, asking())).resolves.toBeDefined();
  });
});

test('what is created is what was asked for, each subscription once, for the workspace of the request', async () => {
  const options = {
    description: 'Main',
    metadata: { a: 'b' },
    retrySchedule: [0, 5],
    secret: 'whsec_abc123def456...',
  };
  const { record, secret } = await webhooks.create({ ...wanted, ...options }, asking());
  expect(secret).toBe('whsec_abc123def456...');
  const { secret: _, ...rest } = options;
  expect(record).toMatchObject({
    ...rest,
    number: 1,
    url: wanted.url,
    events: ['post.created'],
    workspaceId: workspace.id,
    scheme: '2026',
  });
  const [event] = await eventsIn(log, `webhookEndpoint-${record.id}`);
  expect(event?.metadata.audience).toEqual([workspace.id]);
});

test('a target is checked when it is set, and only then', async () => {
  const { record } = await webhooks.create(wanted, asking());
  await webhooks.update(record.id, { events: ['*', '*'] }, asking());
  expect(checked).toEqual([wanted.url]);
  const { record: changed } = await webhooks.update(record.id, { url: 'https://new-url.com/' }, asking());
  expect(checked).toEqual([wanted.url, 'https://new-url.com/']);
  expect(changed).toMatchObject({ events: ['*'], url: 'https://new-url.com/' });
});

describe('a decision to disable', () => {
  test('is carried out once, and not after the endpoint was switched on again', async () => {
    const { record, revision } = await webhooks.create(wanted, asking());
    const decision = { reason: 'failures', decidedAt: 7, endpointRevision: revision } as const;
    await webhooks.disable(record.id, decision, systemContext('fanout'));
    await webhooks.disable(record.id, decision, systemContext('fanout'));
    expect((await webhooks.streams.load(record.id)).state.record).toMatchObject({
      status: 'disabled',
      isActive: false,
    });
    await webhooks.update(record.id, { isActive: true }, asking());
    await webhooks.disable(record.id, decision, systemContext('fanout'));
    expect((await webhooks.streams.load(record.id)).state.record).toMatchObject({
      status: 'active',
      activatedAt: 2,
    });
    const types = (await eventsIn(log, `webhookEndpoint-${record.id}`)).map(({ type }) => type);
    expect(types).toEqual(['WebhookEndpointCreated', 'WebhookEndpointDisabled', 'WebhookEndpointUpdated']);
  });
  test('about an unknown endpoint does nothing', async () => {
    await webhooks.disable(
      workspace.id,
      { reason: 'gone', decidedAt: 7, endpointRevision: 0 },
      systemContext('fanout'),
    );
    expect(await log.head()).toBe(-1);
  });
});

test('a row knows the revision of the last activation', async () => {
  const { record } = await webhooks.create(wanted, asking());
  await webhooks.update(record.id, { isActive: false }, asking());
  await project();
  await webhooks.update(record.id, { isActive: true }, asking());
  await project();
  expect(await readModels.get('webhooks', record.id)).toMatchObject({
    activatedAt: 2,
    revision: 2,
    status: 'active',
  });
});
