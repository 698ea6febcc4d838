// Keeps states of long streams beside them: of each only the newest counts, and none is ever needed.
import type { EventLog } from '../adapters/event-log/port.js';
import { newId } from '../domain/ids.js';
import type { SnapshotEvent, Snapshots } from '../domain/snapshots.js';
import { metadataFor, systemContext } from './context.js';
import type { Folded } from './folding.js';

/** `usage-x` → `usageSnapshot-x`: of streams of such a category a server keeps the newest event only. */
const besides = (stream: string): string => stream.replace('-', 'Snapshot-');

export type Snapshotting<S> = {
  /** The newest state that is kept; undefined when there is none that this code can read. */
  newest(stream: string): Promise<Folded<S> | undefined>;
  /** Keeps a state when enough events lie between it and where it was folded or appended from. Never fails. */
  consider(stream: string, folded: Folded<S>, from: number): void;
};

export const snapshotting = <S>(
  log: EventLog,
  { version, every, write, read }: Snapshots<S>,
  now: () => Date,
): Snapshotting<S> => ({
  async newest(stream) {
    for await (const event of log.read(besides(stream), { backwards: true, limit: 1 })) {
      const { data } = event as unknown as SnapshotEvent;
      if (data.version !== version || data.stream !== stream) return undefined;
      return { state: read(data.state), ...data.at };
    }
    return undefined;
  },

  consider(stream, { state, revision, position }, from) {
    if (Math.floor((revision + 1) / every) <= Math.floor((from + 1) / every)) return;
    const event: SnapshotEvent = {
      type: 'StateKept',
      data: { stream, at: { revision, position }, version, state: write(state) },
    };
    const metadata = metadataFor(systemContext('snapshots'), undefined, now());
    // Without it the next cold read is longer, and keeps one itself.
    log.append(besides(stream), [{ ...event, id: newId(), metadata }], 'any').catch(() => undefined);
  },
});
