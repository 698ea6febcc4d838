// The last outcomes of each endpoint, kept so that what the read model does not show yet is known without reading.
import { LRUCache } from 'lru-cache';
import type { EventLog } from '../adapters/event-log/port.js';
import type { Recorded } from '../domain/decider.js';
import type { DeliveryEvent } from '../domain/deliveries.js';
import { readBack } from './read-back.js';

type Outcome = Recorded<DeliveryEvent>;

/** The end of one endpoint's stream. */
export type Tail = {
  /** Of the stream's last event; -1 = no stream. */
  revision(): number;
  /** Every event after this position is here. */
  from(): number;
  /** Position of the last event, or that of `from` where there is none. */
  position(): number;
  /** Events of one delivery, without what was answered. */
  of(deliveryId: string): readonly Outcome[];
  /** The next event of the stream. Of an append the position may be that of its last event. */
  add(event: Outcome): void;
  /** Lets go of what the read model shows: it has seen everything up to a position. */
  trim(seenTo: number): void;
};

export type Tails = {
  /** The end of a stream back to a position (exclusive) or further. */
  reach(stream: string, from: number): Promise<Tail>;
  /** The same, where nothing has to be read for it. */
  known(stream: string, from: number): Tail | undefined;
  /** Reads what others have appended. */
  readOn(stream: string, tail: Tail): Promise<void>;
  forget(stream: string): void;
};

/** How many of an endpoint's last outcomes are kept: the fewest, and the most where the read model is far behind. */
export type TailSize = { readonly fewest: number; readonly most: number };

const withoutAnswer = (event: Outcome): Outcome =>
  event.type === 'DeliveryAttempted' ? { ...event, data: { ...event.data, responseBody: null } } : event;

const newTail = (start: number, last: number, { fewest, most }: TailSize): Tail => {
  const events: Outcome[] = [];
  const byDelivery = new Map<string, Outcome[]>();
  let from = start;
  let revision = last;

  const drop = (event: Outcome) => {
    const { deliveryId } = event.data;
    const others = byDelivery.get(deliveryId)?.filter((other) => other !== event) ?? [];
    if (others.length > 0) byDelivery.set(deliveryId, others);
    else byDelivery.delete(deliveryId);
    from = Math.max(from, event.position);
  };

  return {
    revision: () => revision,
    from: () => from,
    position: () => events.at(-1)?.position ?? from,
    of: (deliveryId) => byDelivery.get(deliveryId) ?? [],
    add(event) {
      const kept = withoutAnswer(event);
      const { deliveryId } = event.data;
      events.push(kept);
      byDelivery.set(deliveryId, [...(byDelivery.get(deliveryId) ?? []), kept]);
      revision = Math.max(revision, event.revision);
    },
    trim(seenTo) {
      let end = Math.max(0, events.length - most);
      while (events.length - end > fewest && (events[end]?.position ?? seenTo + 1) <= seenTo) end += 1;
      for (const event of events.splice(0, end)) drop(event);
    },
  };
};

/** `cached` = endpoints whose tails are kept. */
export const tails = (log: EventLog, cached: number, size: TailSize): Tails => {
  const kept = new LRUCache<string, Tail>({ max: cached });
  const known: Tails['known'] = (stream, from) => {
    const tail = kept.get(stream);
    return tail && tail.from() <= from ? tail : undefined;
  };
  return {
    known,
    async reach(stream, from) {
      const there = known(stream, from);
      if (there) return there;
      const read: Outcome[] = [];
      let last = -1;
      for await (const event of readBack(log, stream)) {
        last = Math.max(last, event.revision);
        if (event.position <= from) break;
        read.push(event);
      }
      const tail = newTail(from, last, size);
      for (const event of read.reverse()) tail.add(event);
      kept.set(stream, tail);
      return tail;
    },
    async readOn(stream, tail) {
      for await (const event of log.read(stream, { from: tail.revision() + 1 }))
        tail.add(event as Recorded as Outcome);
    },
    forget: (stream) => {
      kept.delete(stream);
    },
  };
};
