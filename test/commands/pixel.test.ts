import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { type PixelHits, pixelHits } from '../../src/commands/pixel.js';
import type { Hit } from '../../src/domain/pixel.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';

const hit = (n: number, properties: Hit['properties'] = {}): Hit => ({
  workspaceId: '01980000-0000-7000-8000-000000000001',
  event: `e${n}`,
  url: 'https://a.example/',
  referrer: null,
  device: 'desktop',
  properties,
  trackedAt: '2026-01-15T10:30:00.000Z',
});

let test: TestLog;
let works: boolean;
/** Events in each append. */
let appends: number[];
beforeEach(async () => {
  test = await testLog();
  works = true;
  appends = [];
});
afterEach(() => test.stop());

const taking = (): PixelHits => {
  const log: EventLog = {
    ...test.log,
    append: (stream, events, expected) => {
      if (!works) return Promise.reject(new LogUnavailable('away', 'not_written'));
      appends.push(events.length);
      return test.log.append(stream, events, expected);
    },
  };
  const now = () => new Date('2026-01-15T10:30:00.500Z');
  return pixelHits({ log, now, report: { warn: () => undefined } });
};
const written = async () => (await eventsIn(test.log)).map(({ data }) => (data as Hit).event);
const names = (count: number) => Array.from({ length: count }, (_, n) => `e${n}`);

describe('hits', () => {
  it('are one event each, many to an append, in the name of nobody', async () => {
    const hits = taking();
    for (let n = 0; n < 3; n++) hits.track(hit(n));
    expect(await written()).toEqual([]);
    await hits.flush();
    const [event] = await eventsIn(test.log);
    expect([await written(), appends]).toEqual([names(3), [3]]);
    expect(event).toMatchObject({
      type: 'PixelTracked',
      data: hit(0),
      metadata: { audience: [hit(0).workspaceId], actor: { system: 'pixel' } },
    });
    expect(Object.keys(event?.metadata ?? {})).not.toContain('ip');
  });

  it('are appended after a second without being asked', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const hits = taking();
      hits.track(hit(0));
      await vi.advanceTimersByTimeAsync(999);
      expect(appends).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(appends).toEqual([1]);
      await hits.stop();
    } finally {
      vi.useRealTimers();
    }
    expect(await written()).toEqual(['e0']);
  });

  it('are appended at once when there are many, or large ones', async () => {
    const hits = taking();
    for (let n = 0; n < 1_200; n++) hits.track(hit(n));
    await hits.stop();
    expect([appends, await written()]).toEqual([[500, 500, 200], names(1_200)]);
    appends = [];
    const large = taking();
    for (let n = 0; n < 100; n++) large.track(hit(n, { text: '€'.repeat(5_000) }));
    await large.stop();
    expect(appends.length).toBeGreaterThan(2);
    expect(appends.reduce((sum, count) => sum + count)).toBe(100);
  });

  it('are all in the log after a clean stop, also while an append is under way', async () => {
    const hits = taking();
    for (let n = 0; n < 500; n++) hits.track(hit(n));
    hits.track(hit(500));
    await hits.stop();
    expect(await written()).toEqual(names(501));
  });

  it('stay while the log cannot be written, are refused beyond a bound, and are written once', async () => {
    const hits = taking();
    works = false;
    const text = 'x'.repeat(15_000);
    let count = 0;
    const refusal = () => {
      for (; ; count++)
        try {
          hits.track(hit(count, { text }));
        } catch (error) {
          return error;
        }
    };
    expect(refusal()).toMatchObject({ code: 'unavailable' });
    expect(count).toBeGreaterThan(1_000);
    await expect(hits.flush()).rejects.toThrow('away');
    expect(refusal()).toMatchObject({ code: 'unavailable' });
    works = true;
    await hits.flush();
    expect(await written()).toEqual(names(count));
    hits.track(hit(count));
    await hits.stop();
    expect(await written()).toEqual(names(count + 1));
  });
});
