import { describe, expect, test } from 'vitest';
import { type DueJob, lanes } from '../../src/deliveries/lanes.js';

const NOW = 1_000;
const due = (n: number, at = NOW, endpointId = 'e'): DueJob => ({
  job: { deliveryId: `d${n}`, endpointId, attempt: 1 },
  at,
});
const many = (from: number, to: number, at = NOW) =>
  Array.from({ length: to - from }, (_, n) => due(from + n, at));
const admitted = (lane: ReturnType<typeof lanes>, jobs: DueJob[]) =>
  jobs.filter((one) => lane.admit(one, NOW)).length;

describe('the lane of an endpoint', () => {
  test('takes so many due jobs, and no endpoint takes the place of another', () => {
    const lane = lanes(4);
    expect(admitted(lane, many(0, 10))).toBe(4);
    expect(lane.admit(due(99, NOW, 'other'), NOW)).toBe(true);
  });

  test('takes due jobs beside those that are about to be due, within twice its size', () => {
    const lane = lanes(4);
    expect(admitted(lane, many(0, 10, NOW + 50))).toBe(4);
    expect(admitted(lane, many(10, 20))).toBe(4);
    expect(lane.size('e')).toBe(8);
  });

  test('takes a job once, unless it is due earlier now', () => {
    const lane = lanes(4);
    expect(lane.admit(due(1, NOW + 50), NOW)).toBe(true);
    expect(lane.admit(due(1, NOW + 50), NOW)).toBe(false);
    expect(lane.admit(due(1, NOW + 90), NOW)).toBe(false);
    expect(lane.admit(due(1, NOW), NOW)).toBe(true);
    expect(lane.size('e')).toBe(1);
  });

  test('asks for what it left out when half of it is done, once', () => {
    const lane = lanes(4);
    admitted(lane, many(0, 5));
    expect(many(0, 4).map(({ job }) => lane.release(job))).toEqual([false, true, false, false]);
  });

  test('asks for nothing when it left nothing out', () => {
    const lane = lanes(4);
    admitted(lane, many(0, 4));
    expect(many(0, 4).some(({ job }) => lane.release(job))).toBe(false);
    lane.admit(due(9), NOW);
    lane.leaveOut('e');
    expect(lane.release(due(9).job)).toBe(true);
  });

  test('takes everything again once it was forgotten', () => {
    const lane = lanes(4);
    admitted(lane, many(0, 4));
    lane.forget('e');
    expect(admitted(lane, many(0, 4))).toBe(4);
    lane.forget();
    expect(lane.size('e')).toBe(0);
  });
});
