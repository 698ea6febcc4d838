import { beforeEach, describe, expect, it } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { ReadModels } from '../../src/adapters/read-models/port.js';
import type { Recorded } from '../../src/domain/decider.js';
import { apiKeyUses, apiKeyUsesHandler } from '../../src/projections/api-key-uses.js';
import type { Handler } from '../../src/projections/handler.js';
import { recorded } from '../support/projected.js';

const used = (n: number, uses: Record<string, string>): Recorded =>
  recorded(
    {
      type: 'ApiKeysUsed',
      data: { uses: Object.entries(uses).map(([keyId, at]) => ({ keyId, at: `2026-01-15T${at}:00.000Z` })) },
    },
    'keyUse',
    n,
  );
const batch = (...events: Recorded[]) => ({
  events,
  position: events.at(-1)?.position ?? -1,
  caughtUp: true,
});

describe('the read model of last uses', () => {
  let readModels: ReadModels;
  let handler: Handler;
  beforeEach(async () => {
    readModels = embeddedReadModels([apiKeyUses]);
    handler = apiKeyUsesHandler(readModels, 'log');
    await handler.start();
  });
  const lastUsedAt = async (id: string) =>
    (await readModels.load<{ id: string; position: number; lastUsedAt: string }>('api-key-uses', [id])).get(
      id,
    )?.lastUsedAt;

  it('has a row for each key that an event names, and none for others', async () => {
    await handler.handle(batch(used(0, { a: '10:00', b: '10:01' })));
    expect(await lastUsedAt('a')).toBe('2026-01-15T10:00:00.000Z');
    expect(await lastUsedAt('b')).toBe('2026-01-15T10:01:00.000Z');
    expect(await lastUsedAt('c')).toBeUndefined();
  });

  it('keeps the latest use, within a batch and across batches, whatever order instances tell it in', async () => {
    await handler.handle(
      batch(used(0, { a: '10:00' }), used(1, { a: '10:05' }), used(2, { a: '10:03', b: '09:00' })),
    );
    expect(await lastUsedAt('a')).toBe('2026-01-15T10:05:00.000Z');
    await handler.handle(batch(used(3, { a: '10:04', b: '09:30' })));
    expect(await lastUsedAt('a')).toBe('2026-01-15T10:05:00.000Z');
    expect(await lastUsedAt('b')).toBe('2026-01-15T09:30:00.000Z');
  });

  it('is not changed by seeing events again', async () => {
    const events = [used(0, { a: '10:05' }), used(1, { a: '10:00' })];
    await handler.handle(batch(...events));
    await handler.handle(batch(...events));
    expect(await lastUsedAt('a')).toBe('2026-01-15T10:05:00.000Z');
  });

  it('goes on from its checkpoint, and starts anew for another log', async () => {
    await handler.handle(batch(used(7, { a: '10:00' })));
    expect(await apiKeyUsesHandler(readModels, 'log').start()).toBe(7);
    expect(await apiKeyUsesHandler(readModels, 'another log').start()).toBe(-1);
    expect(await lastUsedAt('a')).toBeUndefined();
  });
});
