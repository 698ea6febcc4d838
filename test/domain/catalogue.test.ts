import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { catalogue, deliverableTypes, isHighVolume, upcast, wireNameOf } from '../../src/domain/catalogue.js';
import { isEventType, isReserved } from '../../src/domain/event-types.js';

const types = [...catalogue.values()];
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(`src/${path}`, 'utf8'))
  .join('\n');

test('every event type that the code declares is in the catalogue', () => {
  const declared = [...sources.matchAll(/\bevent\(\s*'(\w+)'/g)].map(([, type]) => type ?? '');
  expect(declared.length).toBeGreaterThan(20);
  expect(declared.filter((type) => !catalogue.has(type))).toEqual([]);
});

test('every event type that the code names is in the catalogue', () => {
  const named = [...sources.matchAll(/\btype: '([A-Z]\w+(?:ed|Taken))'/g)].map(([, type]) => type ?? '');
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((type) => !catalogue.has(type))).toEqual([]);
});

describe.each(types)('$type', ({ type, schema, example, description, category, wire }) => {
  test('has an example that its schema takes whole', () =>
    expect(schema.parse({ type, data: example })).toEqual({ type, data: example }));
  test('has a category without a hyphen, and a sentence', () => {
    expect(category).not.toContain('-');
    expect(description).toMatch(/^[A-Z].*\.$/);
  });
  test('has a name on the wire that nobody else can publish, if any', () => {
    if (typeof wire !== 'string') return;
    expect(isEventType(wire)).toBe(true);
    expect(isReserved(wire)).toBe(true);
  });
});

test('no two types share a name on the wire', () => {
  const names = types.flatMap(({ wire }) => (typeof wire === 'string' ? [wire] : []));
  expect(new Set(names).size).toBe(names.length);
});

test('the names of the contract are delivered, and no outcome of a delivery ever is', () => {
  const name = (type: string) => wireNameOf({ type, data: catalogue.get(type)?.example ?? {} });
  const names = [...deliverableTypes].map(name);
  expect(names).toEqual(
    expect.arrayContaining([
      'workspace.created',
      'workspace.updated',
      'workspace.deleted',
      'api_key.created',
      'api_key.rotated',
      'api_key.revoked',
      'webhook.created',
      'webhook.updated',
      'webhook.deleted',
      'webhook.disabled',
    ]),
  );
  expect(names).not.toContain(null);
  for (const type of [
    'DeliveryQueued',
    'DeliveryAttempted',
    'DeliveryCancelled',
    'FanoutAdvanced',
    'NumberTaken',
  ])
    expect(name(type)).toBeNull();
});

test('a published event has the name that its caller chose', () => {
  expect(wireNameOf({ type: 'EventPublished', data: { type: 'post.created', data: {} } })).toBe(
    'post.created',
  );
  expect(wireNameOf({ type: 'EventPublished', data: {} })).toBeNull();
  expect(wireNameOf({ type: 'Unheard', data: {} })).toBeNull();
  expect(isHighVolume('EventPublished')).toBe(false);
});

test('an event that needs no upcasting is read as it is', () => {
  const stored = { type: 'WorkspaceDeleted', data: { workspaceId: 'x' } };
  expect(upcast(stored)).toBe(stored);
});
