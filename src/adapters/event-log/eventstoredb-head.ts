// Where our log ends in a server that may hold the events of others.
import type { Connection } from './eventstoredb-connection.js';
import { positionOf, type ReadEvent } from './eventstoredb-format.js';
import { readBackwards } from './eventstoredb-read.js';

/** So many events of others are looked through, at the first time, for the last of ours. */
const FIRST_LOOK = 1_000;

/**
 * Position of the last event of ours, -1 when there is none. Where a long run of others' events follows it, the first
 * answer is the server's own end instead: every subscription that starts later reaches that when it has caught up.
 */
export const headFinder = ({ commands, limits }: Connection, read: ReadEvent): (() => Promise<number>) => {
  let head = -1;
  /** Nothing of ours stands between `head` and here. */
  let searched = -1;

  return async () => {
    let end = -1;
    let looked = 0;
    for await (const resolved of readBackwards(commands, limits.callMs)) {
      const position = positionOf(resolved);
      end = Math.max(end, position);
      if (position <= searched) break;
      const isOurs = read(resolved) !== undefined;
      const givesUp = searched === -1 && ++looked >= FIRST_LOOK;
      if (!isOurs && !givesUp) continue;
      head = Math.max(head, isOurs ? position : end);
      break;
    }
    searched = Math.max(searched, end);
    return head;
  };
};
