import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type EventLog,
  LogUnavailable,
  type NewEvent,
  RevisionConflict,
} from '../../src/adapters/event-log/port.js';
import { metadataFor, systemContext } from '../../src/commands/context.js';
import { ownStream } from '../../src/commands/own-stream.js';
import { newId } from '../../src/domain/ids.js';
import { eventsIn, type TestLog, testLog } from '../support/embedded-log.js';

let test: TestLog;
/** Revisions that the appends have expected. */
let expectations: unknown[];
beforeEach(async () => {
  expectations = [];
  test = await testLog();
});
afterEach(() => test.stop());

const event = (n: number): NewEvent => ({
  id: newId(),
  type: 'Noted',
  data: { n },
  metadata: metadataFor(systemContext('test'), undefined, new Date('2026-01-15T10:30:00.000Z')),
});
/** The log, but each append first asks what shall happen to it. */
const scripted = (fates: ('fails' | 'is stored, but nobody knows' | 'conflicts')[]): EventLog => ({
  ...test.log,
  append: async (stream, events, expected) => {
    expectations.push(expected);
    const fate = fates.shift();
    if (fate === 'fails') throw new LogUnavailable('disk full', 'not_written');
    if (fate === 'conflicts') throw new RevisionConflict(stream, expected, -1);
    const appended = await test.log.append(stream, events, expected);
    if (fate) throw new LogUnavailable('connection lost', 'unknown');
    return appended;
  },
});
const noted = async () => (await eventsIn(test.log)).map(({ data }) => (data as { n: number }).n);

describe('a stream of this process’s own', () => {
  it('takes batches in order, each as one append, and tells how far it is', async () => {
    const own = ownStream(test.log, 'notes');
    expect(await own.settled()).toBe(-1);
    own.add([event(1), event(2)]);
    own.add([]);
    own.add([event(3)]);
    await own.flush();
    const events = await eventsIn(test.log);
    expect(events.map(({ stream, revision, data }) => [stream, revision, data])).toEqual([
      [expect.stringMatching(/^notes-/), 0, { n: 1 }],
      [events[0]?.stream, 1, { n: 2 }],
      [events[0]?.stream, 2, { n: 3 }],
    ]);
    expect([own.waiting(), await own.settled()]).toEqual([[], events[2]?.position]);
  });

  it('keeps what could not be appended, and appends it once', async () => {
    const own = ownStream(scripted(['fails', 'fails']), 'notes');
    own.add([event(1)]);
    await expect(own.flush()).rejects.toThrow('disk full');
    own.add([event(2)]);
    await expect(own.flush()).rejects.toThrow('disk full');
    expect(own.waiting()).toHaveLength(2);
    await own.flush();
    expect(await noted()).toEqual([1, 2]);
  });

  it('repeats an append whose fate is unknown as it was: nothing is stored twice', async () => {
    const own = ownStream(scripted(['is stored, but nobody knows']), 'notes');
    own.add([event(1), event(2)]);
    await expect(own.flush()).rejects.toThrow('connection lost');
    own.add([event(3)]);
    await own.flush();
    await own.flush();
    expect(await noted()).toEqual([1, 2, 3]);
    expect(expectations).toEqual(['no_stream', 'no_stream', 1]);
  });

  it('goes on on a fresh stream when the log has lost the old one', async () => {
    const own = ownStream(scripted(['conflicts']), 'notes');
    own.add([event(1)]);
    await expect(own.flush()).rejects.toThrow(RevisionConflict);
    await own.flush();
    expect(await noted()).toEqual([1]);
  });

  it('of another process is another stream', async () => {
    for (const own of [ownStream(test.log, 'notes'), ownStream(test.log, 'notes')]) {
      own.add([event(1)]);
      await own.flush();
    }
    expect(new Set((await eventsIn(test.log)).map(({ stream }) => stream)).size).toBe(2);
  });
});
