// Unique names (slugs, e-mails): one stream per name, its last event says who holds it.
import { type EventLog, RevisionConflict } from '../adapters/event-log/port.js';
import type { DomainEvent, Recorded } from '../domain/decider.js';
import { DomainError } from '../domain/errors.js';
import { derivedId, newId } from '../domain/ids.js';
import { ReservationLost } from '../domain/workspaces.js';
import { type CommandContext, metadataFor, systemContext } from './context.js';
import type { Streams } from './handle.js';

/** Fixed namespace of reservation streams (a random UUID, part of the stored format). */
const NAMES = '6f0f9c1e-53a1-4c2c-9d0f-7d6d2c3ab1f4';
/** For so long a reservation holds although its owner's state does not show the name yet. */
const HOLD_MS = 60_000;
const MAX_TRIES = 5;
/** Changes of one record that get in each other's way one after the other: one of them gets through each time. */
const MAX_RUNS = 20;

/** What the reservations need to know of the would-be owners of one kind of name. */
export type Owners = {
  /** Does this owner hold the name now? `revision` is that of its stream, -1 = it does not exist. */
  look(owner: string, name: string): Promise<{ holds: boolean; revision: number }>;
  /** Tells a slow claimant, on its own stream at exactly that revision, that its reservation no longer counts. */
  withdraw(owner: string, name: string, reservation: number, revision: number): Promise<void>;
};

export type Reservations = {
  /**
   * Reserves a name; the revision of the reservation, or undefined when somebody else holds it. Whoever has it already
   * gets a new reservation: the old one may have been withdrawn, or be released by a command that has just ended.
   */
  reserve(name: string, owner: string, context: CommandContext): Promise<number | undefined>;
  /** Revision of the reservation by which this owner has the name; undefined when they do not have it. */
  held(name: string, owner: string): Promise<number | undefined>;
  /**
   * Frees a name that this owner has given up; nobody else's, and none that was reserved again since `reservation`.
   * Never fails, as what gave it up is committed: a name that stays reserved is taken over by whoever wants it.
   */
  release(name: string, owner: string, context: CommandContext, reservation?: number): Promise<void>;
};

/** What a change that takes a name rests on. Without a reservation it is a refusal, or the name stays as it is. */
export type Resting = { readonly reservation?: number; readonly ifMatch?: number };

/**
 * Runs changes that take another name, each resting on a reservation of it, and frees the name before. `heldBy` = the
 * name that a record has, undefined when it is gone. Throws `taken()` when somebody else has it.
 *
 * A change holds only on the revision that was read before its reservation. So another change cannot have given the name
 * up in between and release the very reservation that this one rests on.
 */
export const exchanging = <S>(deps: {
  readonly names: Reservations;
  readonly streams: Pick<Streams<S, never, never>, 'load' | 'at'>;
  readonly heldBy: (state: S) => string | undefined;
  readonly taken: () => Error;
}) => {
  const { names, streams, heldBy, taken } = deps;
  return async <T>(
    id: string,
    nameAfter: (before: string) => string,
    { command, ifMatch }: { readonly command: CommandContext; readonly ifMatch?: number },
    run: (resting: Resting) => Promise<T>,
  ): Promise<T> => {
    // The record as the change finds it: at the revision that the caller saw, when they say so.
    const seen = await (ifMatch === undefined ? streams.load(id) : streams.at(id, ifMatch));
    const before = heldBy(seen.state);
    const after = before === undefined ? undefined : nameAfter(before);
    if (before === undefined || after === undefined || before === after)
      return run(ifMatch === undefined ? {} : { ifMatch });
    const left = await names.held(before, id);
    const reservation = await names.reserve(after, id, command);
    if (reservation === undefined) throw taken();
    const result = await run({ reservation, ifMatch: ifMatch ?? seen.revision }).catch((error: unknown) => {
      const moved = error instanceof DomainError && error.code === 'precondition_failed';
      throw moved && ifMatch === undefined ? new ReservationLost() : error;
    });
    if (left !== undefined) await names.release(before, id, command, left);
    return result;
  };
};

/** Owners whose records are streams of one area. `withdrawal` = the command that tells one of them. */
export const ownersIn = <S, C, E extends DomainEvent>(
  handled: Pick<Streams<S, C, E>, 'load' | 'handle'>,
  holds: (state: S, name: string) => boolean,
  withdrawal: (owner: string, name: string, reservation: number) => C,
): Owners => ({
  async look(owner, name) {
    const { state, revision } = await handled.load(owner);
    return { holds: holds(state, name), revision };
  },
  async withdraw(owner, name, reservation, revision) {
    try {
      const command = withdrawal(owner, name, reservation);
      // Another tenant's stream: nothing in it tells who wanted the name.
      await handled.handle(owner, command, systemContext('reservations'), { ifMatch: revision });
    } catch (error) {
      // The claimant moved meanwhile: look again.
      if (error instanceof DomainError) throw new RevisionConflict(owner, revision, -1);
      throw error;
    }
  },
});

/** Runs a command that rests on a reservation; from the start again when that no longer counts. */
export const withReservation = async <T>(run: () => Promise<T>): Promise<T> => {
  for (let tries = 1; tries <= MAX_RUNS; tries++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof ReservationLost)) throw error;
    }
  }
  throw new DomainError('conflict', 'The name is being claimed by others. Try again.');
};

export const reservations = (
  log: EventLog,
  kind: 'slug' | 'namespaceSlug' | 'email',
  owners: Owners,
  now: () => Date,
): Reservations => {
  const streamOf = (name: string) => `${kind}-${derivedId(NAMES, kind, name)}`;
  const last = async (stream: string) => {
    for await (const event of log.read(stream, { backwards: true, limit: 1 }))
      return event as Recorded<{ type: string; data: { owner: string } }>;
    return undefined;
  };
  const append = async (
    stream: string,
    type: string,
    owner: string,
    revision: number | undefined,
    context: CommandContext,
  ) => {
    const event = {
      id: newId(),
      type,
      data: { owner },
      metadata: metadataFor(context, undefined, now(), []),
    };
    return (await log.append(stream, [event], revision ?? 'no_stream')).revision;
  };

  const attempt = async (
    stream: string,
    name: string,
    owner: string,
    context: CommandContext,
  ): Promise<number | undefined> => {
    const held = await last(stream);
    if (held?.type === 'NameReserved' && held.data.owner !== owner) {
      const { holds, revision } = await owners.look(held.data.owner, name);
      const young = now().getTime() - Date.parse(held.metadata.at) < HOLD_MS;
      if (holds || young) return undefined;
      await owners.withdraw(held.data.owner, name, held.revision, revision);
    }
    return append(stream, 'NameReserved', owner, held?.revision, context);
  };

  return {
    async reserve(name, owner, context) {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        try {
          return await attempt(streamOf(name), name, owner, context);
        } catch (error) {
          if (!(error instanceof RevisionConflict)) throw error;
        }
      }
      throw new DomainError('conflict', 'The name is being claimed by others. Try again.');
    },
    async held(name, owner) {
      const event = await last(streamOf(name));
      return event?.type === 'NameReserved' && event.data.owner === owner ? event.revision : undefined;
    },
    async release(name, owner, context, reservation) {
      const stream = streamOf(name);
      try {
        const held = await last(stream);
        if (held?.type !== 'NameReserved' || held.data.owner !== owner) return;
        if (reservation !== undefined && held.revision !== reservation) return;
        await append(stream, 'NameReleased', owner, held.revision, context);
      } catch {
        // Somebody has it by now, or it stays reserved until somebody wants it.
      }
    },
  };
};
