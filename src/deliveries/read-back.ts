// Reads the end of a long stream, newest first, a little at a time.
import type { EventLog } from '../adapters/event-log/port.js';
import type { Recorded } from '../domain/decider.js';
import type { DeliveryEvent } from '../domain/deliveries.js';

const PAGE = 100;

/** The outcomes of a stream from its end, or from a revision (inclusive), back to its beginning. */
export async function* readBack(
  log: EventLog,
  stream: string,
  from?: number,
): AsyncGenerator<Recorded<DeliveryEvent>> {
  let next = from;
  for (;;) {
    let read = 0;
    let oldest = -1;
    const start = next === undefined ? {} : { from: next };
    for await (const event of log.read(stream, { ...start, backwards: true, limit: PAGE })) {
      yield event as Recorded as Recorded<DeliveryEvent>;
      oldest = event.revision;
      read += 1;
    }
    if (read < PAGE || oldest <= 0) return;
    next = oldest - 1;
  }
}
