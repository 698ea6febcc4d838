import { describe, expect, test } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { models } from '../../src/app/models.js';
import type { DomainEvent } from '../../src/domain/decider.js';
import type { Attempted } from '../../src/domain/deliveries.js';
import { deliveries } from '../../src/projections/deliveries.js';
import { forgetting } from '../../src/projections/forgetting.js';
import type { Projection } from '../../src/projections/projection.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { recorded } from '../support/projected.js';

const LOG = '01980000-0000-7000-8000-000000000001';
const DAY = 86_400_000;
const today = Date.UTC(2026, 5, 1);
const daysAgo = (days: number) => new Date(today - days * DAY).toISOString();
const target = (deliveryId: string) => ({
  deliveryId,
  endpointId: '01980000-0000-7000-8000-000000000002',
  workspaceId: '01980000-0000-7000-8000-000000000003',
});

/** Read models that see events as they happen, and the forgetting of what is older than 90 days. */
const given = () => {
  const readModels = embeddedReadModels(models);
  const handler = projectionHandler(deliveries as unknown as Projection, readModels, LOG);
  let head = -1;
  let number = 0;
  const log = { head: async () => head };
  const happen = async (event: DomainEvent, days: number) => {
    head += 1;
    const events = [recorded(event, 'any', head, { at: daysAgo(days) })];
    await handler.handle({ events, position: head, caughtUp: true });
  };
  const queued = (deliveryId: string, days: number) => {
    number += 1;
    const source = { source: 0, number, eventId: LOG, eventType: 'post.created', sourceStream: 'p-1' };
    const data = { ...target(deliveryId), ...source, sourceRevision: 0, endpointIndex: 0 };
    return happen({ type: 'DeliveryQueued', data }, days);
  };
  const attempted = (deliveryId: string, days: number, outcome: Attempted['outcome']) =>
    happen(
      {
        type: 'DeliveryAttempted',
        data: {
          ...target(deliveryId),
          ...{ attempt: 1, startedAt: daysAgo(days), durationMs: 0, responseCode: 200, responseBody: null },
          ...{ error: null, outcome, nextRetryAt: outcome === 'retry' ? daysAgo(days) : null },
        },
      },
      days,
    );
  const report = { warn: (message: string) => expect.fail(message) };
  const { round } = forgetting({ log, readModels, retentionDays: 90, now: () => new Date(today), report });
  const kept = async () =>
    (await readModels.find('deliveries', { where: [], deleted: true })).map(({ id }) => id);
  return {
    ...{ readModels, queued, attempted, round, kept },
    retried: (deliveryId: string, days: number) =>
      happen({ type: 'DeliveryRetryRequested', data: { ...target(deliveryId), attempt: 2 } }, days),
    grow: () => {
      head += 1;
    },
  };
};

describe('forgetting deliveries', () => {
  test('drops those that came to rest a day more than the retention ago, and no others', async () => {
    const { queued, attempted, round, kept } = given();
    for (const id of ['old', 'open', 'recent', 'failing']) await queued(id, 200);
    await attempted('old', 92, 'success');
    await attempted('recent', 90.5, 'failure');
    await attempted('failing', 200, 'retry');
    await queued('young', 1);
    await round();
    expect(await round()).toBe(1);
    expect((await kept()).sort()).toEqual(['failing', 'open', 'recent', 'young']);
    expect(await round()).toBe(0);
  });

  test('goes through more rows than one page holds', async () => {
    const { queued, attempted, round, kept } = given();
    for (let n = 0; n < 2_100; n++) {
      await queued(`d${n}`, 200);
      if (n !== 1_500) await attempted(`d${n}`, 200, 'success');
    }
    await queued('young', 1);
    await round();
    expect(await round()).toBe(2_099);
    expect(await kept()).toEqual(['d1500', 'young']);
  });

  test('an event of a forgotten delivery makes no part of a row', async () => {
    const { queued, attempted, retried, round, kept } = given();
    await queued('old', 200);
    await attempted('old', 200, 'failure');
    await round();
    await round();
    await retried('old', 0);
    expect(await kept()).toEqual([]);
  });

  test('drops nothing while rows are built anew: a delivery may have gone on later in the log', async () => {
    const { queued, attempted, retried, round, kept, grow } = given();
    await queued('retried', 200);
    await attempted('retried', 200, 'failure');
    grow(); // an event that the rows have not seen yet
    await round();
    expect(await round()).toBe(0);
    await retried('retried', 20);
    await round();
    expect(await round()).toBe(0);
    expect(await kept()).toEqual(['retried']);
  });
});
