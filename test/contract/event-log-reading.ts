// The part of the log's contract about reading one stream.
import { beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { collect, counted, recorded, withoutPositions } from '../support/log-events.js';

export const eventLogReading = (current: () => { log: EventLog; stream: string }) => {
  let log: EventLog;
  let stream: string;
  beforeEach(() => {
    ({ log, stream } = current());
  });

  describe('reading a stream', () => {
    test('gives its events forwards and backwards, from a revision and up to a limit', async () => {
      const events = counted(450);
      for (let i = 0; i < 450; i += 50)
        await log.append(stream, events.slice(i, i + 50), i === 0 ? 'no_stream' : i - 1);
      const read = async (options: Parameters<EventLog['read']>[1]) => {
        const found = await collect(log.read(stream, options));
        return found.map(({ revision }) => revision);
      };
      const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
      expect(withoutPositions(await collect(log.read(stream)))).toEqual(recorded(stream, events, 449));
      expect(await read({ backwards: true })).toEqual(range(0, 449).reverse());
      expect(await read({ from: 445 })).toEqual(range(445, 449));
      expect(await read({ from: 100, limit: 3 })).toEqual([100, 101, 102]);
      expect(await read({ from: 449, limit: 3 })).toEqual([449]);
      expect(await read({ backwards: true, limit: 1 })).toEqual([449]);
      expect(await read({ from: 2, backwards: true })).toEqual([2, 1, 0]);
      expect(await read({ from: 300, backwards: true, limit: 2 })).toEqual([300, 299]);
      expect(await read({ from: 9999, backwards: true, limit: 2 })).toEqual([449, 448]);
      expect(await read({ from: 450 })).toEqual([]);
      expect(await read({ limit: 0 })).toEqual([]);
    });

    test('gives nothing when there is no such stream, however alike its name', async () => {
      await log.append(stream, counted(1), 'no_stream');
      expect(await collect(log.read(`${stream}x`))).toEqual([]);
      expect(await collect(log.read(`${stream}x`, { backwards: true, limit: 1 }))).toEqual([]);
    });

    test('that is left early leaves the log usable', async () => {
      await log.append(stream, counted(300), 'no_stream');
      for (let i = 0; i < 120; i += 1) for await (const _ of log.read(stream)) break;
      expect(await collect(log.read(stream))).toHaveLength(300);
    });
  });
};
