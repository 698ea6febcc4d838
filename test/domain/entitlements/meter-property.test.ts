// However records, corrections and limits alternate: a limit holds for what is decided by it, thresholds are told once.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type MeterCommand,
  type MeterEvent,
  meter,
  thresholds,
} from '../../../src/domain/entitlements/meter.js';
import { DomainError } from '../../../src/domain/errors.js';
import { AT } from '../../support/given.js';

const id = '01980000-0000-7000-8000-000000000001';
const about = {
  workspaceId: id,
  ownerType: 'workspace',
  ownerId: id,
  feature: 'posts',
  period: 'all',
} as const;

type Step =
  | { readonly kind: 'record'; readonly quantity: number; readonly admitOver: boolean }
  | { readonly kind: 'correct'; readonly nth: number; readonly quantity: number }
  | { readonly kind: 'limit'; readonly limit: number };

/** A meter under test, and beside it the plainest account of what it should say. */
const simulation = () => {
  let state = meter.initialState;
  let limit = 100;
  let revision = -1;
  const records: { revision: number; first: number; now: number }[] = [];
  /** Thresholds that may be told: usage was below them since the last time. */
  const armed = new Set<number>(thresholds);

  const rearm = () => {
    for (const one of thresholds) if (state.used * 100 < one * limit) armed.add(one);
  };
  const commandFor = (step: Step): MeterCommand | undefined => {
    const admitOver = step.kind === 'record' && step.admitOver;
    const base = { meter: about, terms: { limit, packages: limit, now: AT, admitOver } };
    if (step.kind === 'record') return { ...base, type: 'RecordUsage', quantity: step.quantity };
    const target = step.kind === 'correct' ? records[step.nth] : undefined;
    if (step.kind !== 'correct' || !target) return undefined;
    const { revision: record, first: recorded } = target;
    return {
      ...base,
      type: 'CorrectUsage',
      record,
      recordedAt: AT,
      recorded,
      quantity: step.quantity,
      reason: 'x',
    };
  };
  const decide = (command: MeterCommand): MeterEvent[] => {
    try {
      return meter.decide(command, state);
    } catch (error) {
      if (error instanceof DomainError && error.code === 'feature_limit_reached') return [];
      throw error;
    }
  };
  const apply = (event: MeterEvent) => {
    revision += 1;
    state = meter.evolve(state, { ...event, metadata: { at: AT } });
    const { type, data } = event;
    if (type === 'UsageRecorded') records.push({ revision, first: data.quantity, now: data.quantity });
    else if (type === 'UsageCorrected') {
      const target = records.find((one) => one.revision === data.record);
      if (target) target.now = data.quantity;
    } else {
      expect(armed.delete(data.threshold)).toBe(true);
      expect(state.used * 100).toBeGreaterThanOrEqual(data.threshold * limit);
    }
  };

  return (step: Step) => {
    if (step.kind === 'limit') limit = step.limit;
    const command = commandFor(step);
    const events = command ? decide(command) : [];
    if (!command || events.length === 0) return;
    const before = state.used;
    // A meter learns of a limit from what is decided by it, and of nothing in between.
    rearm();
    for (const event of events) apply(event);
    rearm();
    expect(state.used).toBe(records.reduce((sum, { now }) => sum + now, 0));
    if (state.used <= before) return;
    if (!command.terms.admitOver) expect(state.used).toBeLessThanOrEqual(limit);
    for (const one of thresholds) if (state.used * 100 >= one * limit) expect(armed.has(one)).toBe(false);
  };
};

it('holds the limit and tells each threshold once', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constant('record' as const),
      quantity: fc.integer({ min: 1, max: 60 }),
      admitOver: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
    fc.record({
      kind: fc.constant('correct' as const),
      nth: fc.nat({ max: 10 }),
      quantity: fc.integer({ min: 0, max: 60 }),
    }),
    fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 200 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const take = simulation();
      for (const one of steps) take(one);
    }),
    { numRuns: 400 },
  );
});
