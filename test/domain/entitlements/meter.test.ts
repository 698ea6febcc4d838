// Counting usage: what is refused, what is told, and that a limit holds whatever comes in which order.
import { describe, expect, it } from 'vitest';
import {
  type MeterCommand,
  type MeterEvent,
  type Metered,
  meter,
  meterSnapshots,
  usedAt,
} from '../../../src/domain/entitlements/meter.js';
import { DomainError } from '../../../src/domain/errors.js';
import { AT, given } from '../../support/given.js';

const owner = '01980000-0000-7000-8000-000000000001';
const about: Metered = {
  workspaceId: owner,
  ownerType: 'workspace',
  ownerId: owner,
  feature: 'posts',
  period: 'all',
};
const terms = { limit: 100, packages: 100, now: AT, admitOver: false } as const;
const record = (
  quantity: number,
  more: Partial<typeof terms> | object = {},
  period = 'all',
): MeterCommand => ({
  type: 'RecordUsage',
  meter: { ...about, period },
  terms: { ...terms, ...more },
  quantity,
});
const correct = (record: number, recorded: number, quantity: number, more: object = {}): MeterCommand => ({
  type: 'CorrectUsage',
  meter: about,
  terms: { ...terms, ...more },
  record,
  recordedAt: AT,
  recorded,
  quantity,
  reason: 'Counted twice',
});
const counts = { limit: 100, packages: 100 };
const recorded = (quantity: number, currentUsage: number, more: object = {}): MeterEvent => ({
  type: 'UsageRecorded',
  data: { ...about, quantity, currentUsage, ...counts, ...more },
});
const corrected = (record: number, previous: number, quantity: number, currentUsage: number): MeterEvent => ({
  type: 'UsageCorrected',
  data: {
    ...about,
    record,
    recordedAt: AT,
    previous,
    quantity,
    reason: 'Counted twice',
    currentUsage,
    ...counts,
  },
});
const crossed = (threshold: number, currentUsage: number, limit = 100): MeterEvent => ({
  type: threshold === 100 ? 'UsageLimitReached' : 'UsageLimitWarned',
  data: { ...about, threshold, currentUsage, limit },
});

describe('a record', () => {
  it('is counted, and says what is used with it', () => {
    given(meter).when(record(45)).then(recorded(45, 45));
    given(meter, recorded(45, 45)).when(record(5)).then(recorded(5, 50));
  });

  it('is refused whole when it exceeds the limit, and admitted when it just fits', () => {
    given(meter, recorded(45, 45)).when(record(56)).thenRefused('feature_limit_reached');
    given(meter, recorded(45, 45))
      .when(record(55))
      .then(recorded(55, 100), crossed(80, 100), crossed(90, 100), crossed(100, 100));
    given(meter)
      .when(record(1, { limit: 0 }))
      .thenRefused('feature_limit_reached');
  });

  it('is counted over the limit where that is the setting, and says so', () => {
    given(meter, recorded(100, 100))
      .when(record(10, { admitOver: true }))
      .then(recorded(10, 110, { overLimit: true }));
  });

  it('has no limit where there is none, but for what a number can hold', () => {
    const unlimited = { limit: null, packages: null };
    given(meter)
      .when(record(10, unlimited))
      .then(recorded(10, 10, unlimited));
    given(meter, recorded(10, Number.MAX_SAFE_INTEGER - 1, unlimited))
      .when(record(2, unlimited))
      .thenRefused('validation_failed');
    given(meter, recorded(10, Number.MAX_SAFE_INTEGER - 1, unlimited))
      .when(record(1, unlimited))
      .then(recorded(1, Number.MAX_SAFE_INTEGER, unlimited));
  });
});

describe('a correction', () => {
  it('compensates by the difference, and again by the difference to the correction before', () => {
    given(meter, recorded(10, 10))
      .when(correct(0, 10, 4))
      .then(corrected(0, 10, 4, 4));
    given(meter, recorded(10, 10), corrected(0, 10, 4, 4))
      .when(correct(0, 10, 6))
      .then(corrected(0, 4, 6, 6));
  });

  it('does nothing when the record says so already', () => {
    given(meter, recorded(10, 10))
      .when(correct(0, 10, 10))
      .then();
    given(meter, recorded(10, 10), corrected(0, 10, 4, 4))
      .when(correct(0, 10, 4))
      .then();
  });

  it('may not take usage over the limit, unless that is counted; downwards it is always possible', () => {
    given(meter, recorded(10, 95))
      .when(correct(0, 10, 20))
      .thenRefused('feature_limit_reached');
    given(meter, recorded(10, 95))
      .when(correct(0, 10, 0, { limit: 50 }))
      .then({
        ...corrected(0, 10, 0, 85),
        data: { ...corrected(0, 10, 0, 85).data, limit: 50 },
      } as MeterEvent);
  });
});

describe('thresholds', () => {
  it('are told once each, and again after usage has fallen below', () => {
    given(meter, recorded(79, 79)).when(record(1)).then(recorded(1, 80), crossed(80, 80));
    given(meter, recorded(80, 80)).when(record(1)).then(recorded(1, 81));
    given(meter, recorded(89, 89)).when(record(1)).then(recorded(1, 90), crossed(90, 90));
    given(meter, recorded(99, 99)).when(record(1)).then(recorded(1, 100), crossed(100, 100));
    given(meter, recorded(80, 80), corrected(0, 80, 79, 79))
      .when(record(1))
      .then(recorded(1, 80), crossed(80, 80));
    given(meter, recorded(85, 85), corrected(0, 85, 80, 80))
      .when(record(1))
      .then(recorded(1, 81));
  });

  it('are judged by the limit that holds now', () => {
    const raised = { limit: 1_000, packages: 1_000 };
    given(meter, recorded(100, 100), recorded(650, 750, raised))
      .when(record(50, raised))
      .then(recorded(50, 800, raised), crossed(80, 800, 1_000));
  });

  it('are exact where a product would not be', () => {
    const limit = Number.MAX_SAFE_INTEGER;
    const most = { limit, packages: limit };
    const below = Math.ceil((limit / 100) * 80) - 1;
    given(meter, recorded(1, below - 1, most))
      .when(record(1, most))
      .then(recorded(1, below, most));
  });
});

describe('a rolling window', () => {
  const day = (n: number) => new Date(Date.parse(AT) + n * 86_400_000).toISOString();
  const used = (quantity: number, currentUsage: number): MeterEvent => ({
    type: 'UsageRecorded',
    data: { ...about, period: 'rolling30', quantity, currentUsage, ...counts },
  });
  const fold = (...events: [MeterEvent, string][]) =>
    events.reduce(
      (state, [event, at]) => meter.evolve(state, { ...event, metadata: { at } }),
      meter.initialState,
    );

  it('forgets what is older than itself, slice by slice', () => {
    const state = fold([used(60, 60), day(0)], [used(40, 100), day(10)]);
    expect(usedAt(state, 'rolling30', day(29.9))).toBe(100);
    expect(usedAt(state, 'rolling30', day(30.1))).toBe(40);
    expect(usedAt(state, 'rolling30', day(40.1))).toBe(0);
    expect(() => meter.decide(record(1, { now: day(29.9) }, 'rolling30'), state)).toThrow(DomainError);
    expect(meter.decide(record(60, { now: day(30.1) }, 'rolling30'), state)[0]).toMatchObject({
      data: { currentUsage: 100 },
    });
  });

  it('is not changed by correcting what has left it', () => {
    const state = fold([used(60, 60), day(0)], [used(40, 40), day(31)]);
    const command = { ...correct(0, 60, 0), meter: { ...about, period: 'rolling30' } };
    const events = meter.decide({ ...command, terms: { ...terms, now: day(31) } }, state);
    expect(events).toMatchObject([{ type: 'UsageCorrected', data: { previous: 60, currentUsage: 40 } }]);
  });
});

it('a kept state reads as it was written', () => {
  const state = given(meter, recorded(80, 80), corrected(0, 80, 70, 70)).state();
  expect(meterSnapshots.read(JSON.parse(JSON.stringify(meterSnapshots.write(state))))).toEqual(state);
});
