// Writes the outcomes of deliveries: per endpoint in order, together under load, with the exact revision, each attempt once.
import { type EventLog, type NewEvent, RevisionConflict } from '../adapters/event-log/port.js';
import { type CommandContext, metadataFor } from '../commands/context.js';
import type { Outcomes, Settled, Sighting } from '../commands/deliveries.js';
import {
  type Delivery,
  type DeliveryCommand,
  type DeliveryEvent,
  delivery as decider,
  deliveriesStream,
} from '../domain/deliveries.js';
import { newId } from '../domain/ids.js';
import { readBack } from './read-back.js';
import { type Tail, type TailSize, tails } from './tails.js';

type Pending = {
  readonly sighting: Sighting;
  /** None = only look. */
  readonly run?: { readonly command: DeliveryCommand; readonly context: CommandContext };
  readonly resolve: (settled: Settled) => void;
  readonly reject: (error: unknown) => void;
};
type ToAppend = NewEvent & DeliveryEvent;

const MAX_TRIES = 5;
const MAX_GROUP = 256;
/** A server takes at most 1 MiB an append; a character takes at most six bytes of JSON. */
const MAX_WEIGHT = 900_000;
/** How far clocks of processes may be apart, in ms. */
const SKEW = 60_000;

const weightOf = ({ run }: Pending): number =>
  1_000 + 6 * (run?.command.type === 'RecordAttempt' ? (run.command.attempted.responseBody?.length ?? 0) : 0);

/** Takes what goes into one append off the front of a queue. */
const takeGroup = (queue: Pending[]): Pending[] => {
  let weight = 0;
  let size = 0;
  for (const pending of queue) {
    weight += weightOf(pending);
    if (size === MAX_GROUP || (size > 0 && weight > MAX_WEIGHT)) break;
    size += 1;
  }
  return queue.splice(0, size);
};

/** Position up to which a sighting shows everything about its delivery. */
const seenBy = ({ seenTo, delivery }: Sighting): number => Math.max(seenTo, delivery.position);

/** A delivery as its row shows it, with what the stream has said since. */
const bringUpToDate = ({ delivery }: Sighting, tail: Tail): Delivery => {
  let state: Delivery = delivery;
  for (const event of tail.of(delivery.id))
    if (event.position > delivery.position) state = decider.evolve(state, event) ?? state;
  return state;
};

/** `cached` = endpoints whose last outcomes are remembered. */
export const outcomes = (
  log: EventLog,
  now: () => Date,
  { cached = 1_000, fewest = 32, most = 5_000 }: { cached?: number } & Partial<TailSize> = {},
): Outcomes => {
  const ends = tails(log, cached, { fewest, most });
  const queues = new Map<string, Pending[]>();

  /** What an earlier run of the same command appended. */
  const find = async (stream: string, { commandId, now: since }: CommandContext) => {
    const oldest = new Date(Date.parse(since) - SKEW).toISOString();
    for await (const recorded of readBack(log, stream)) {
      if (recorded.metadata.commandId === commandId) return recorded;
      if (recorded.metadata.at < oldest) return undefined;
    }
    return undefined;
  };

  /** Decides what one command adds; `found` = an earlier run of it did so already. */
  const decideOne = async (
    stream: string,
    { command, context }: NonNullable<Pending['run']>,
    state: Delivery,
  ) => {
    const found = context.retry ? await find(stream, context) : undefined;
    if (found) return { found, events: [] };
    const metadata = metadataFor(context, state.workspaceId, now());
    return { events: decider.decide(command, state).map((event) => ({ ...event, id: newId(), metadata })) };
  };

  const decideGroup = async (stream: string, group: readonly Pending[], tail: Tail) => {
    const states = new Map<string, Delivery>();
    const events: ToAppend[] = [];
    const settle: ((position: number) => void)[] = [];
    for (const { sighting, run, resolve, reject } of group) {
      const before = states.get(sighting.delivery.id) ?? bringUpToDate(sighting, tail);
      try {
        const { found, events: decided } = run ? await decideOne(stream, run, before) : { events: [] };
        events.push(...decided);
        const delivery = decided.reduce((state, event) => decider.evolve(state, event) ?? state, before);
        states.set(delivery.id, delivery);
        if (found) settle.push(() => resolve({ delivery, events: [found], position: found.position }));
        else settle.push((position) => resolve({ delivery, events: decided, position }));
      } catch (error) {
        // Told only once what the refusal rests on is on disk.
        settle.push(() => reject(error));
      }
    }
    return { events, settle };
  };

  /** Whether others had appended more than a group that came to nothing has seen: where it is one, it is decided again. */
  const wasBehind = async (stream: string, tail: Tail, group: readonly Pending[]) => {
    if (!log.shared || group.every(({ run }) => run === undefined)) return false;
    const before = tail.revision();
    await ends.readOn(stream, tail);
    return tail.revision() !== before;
  };

  /** Appends what a group decided; the position up to which the group's states hold. */
  const append = async (stream: string, tail: Tail, events: readonly ToAppend[]) => {
    if (events.length === 0) return tail.position();
    const last = tail.revision();
    const appended = await log.append(stream, events, last === -1 ? 'no_stream' : last);
    for (const event of events) tail.add({ ...event, stream, ...appended });
    return appended.position;
  };

  const runGroup = async (stream: string, group: readonly Pending[]) => {
    const seenTo = Math.min(...group.map(({ sighting }) => seenBy(sighting)));
    const tail = await ends.reach(stream, seenTo);
    for (let tries = 1; ; tries++) {
      const { events, settle } = await decideGroup(stream, group, tail);
      try {
        if (events.length === 0 && tries < MAX_TRIES && (await wasBehind(stream, tail, group))) continue;
        const position = await append(stream, tail, events);
        tail.trim(seenTo);
        for (const tell of settle) tell(position);
        return;
      } catch (error) {
        if (!(error instanceof RevisionConflict) || tries === MAX_TRIES) {
          ends.forget(stream);
          throw error;
        }
        await ends.readOn(stream, tail);
      }
    }
  };

  const drain = async (stream: string, queue: Pending[]) => {
    while (queue.length > 0) {
      const group = takeGroup(queue);
      try {
        await runGroup(stream, group);
      } catch (error) {
        for (const pending of group) pending.reject(error);
      }
    }
    queues.delete(stream);
  };

  const enqueue = (pending: Pending) => {
    const stream = deliveriesStream(pending.sighting.delivery.endpointId);
    const queue = queues.get(stream);
    if (queue) {
      queue.push(pending);
      return;
    }
    const started = [pending];
    queues.set(stream, started);
    void drain(stream, started);
  };

  return {
    handle: (sighting, command, context) =>
      new Promise((resolve, reject) => enqueue({ sighting, run: { command, context }, resolve, reject })),

    async current(sighting) {
      const tail = ends.known(deliveriesStream(sighting.delivery.endpointId), seenBy(sighting));
      if (tail) return bringUpToDate(sighting, tail);
      const settled = new Promise<Settled>((resolve, reject) => enqueue({ sighting, resolve, reject }));
      return (await settled).delivery;
    },
  };
};
