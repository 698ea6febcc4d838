// The effects around decisions about users: sealing, integer ids, one user per e-mail address.
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import { KeyDestroyed } from '../adapters/vault/port.js';
import { DomainError, invalid, notFound } from '../domain/errors.js';
import type { Tier } from '../domain/tiers.js';
import {
  type User,
  type UserChanges,
  type UserCommand,
  type UserEvent,
  type UserRecord,
  user,
} from '../domain/users.js';
import { type CommandContext, idFor } from './context.js';
import type { Handled } from './folding.js';
import { type Streams, streams } from './handle.js';
import { nextNumber } from './numbers.js';
import type { PersonalData } from './personal-data.js';
import { exchanging, ownersIn, type Resting, reservations, withReservation } from './reservations.js';
import { together } from './together.js';

/** Name and e-mail as given, in clear. */
export type NewUser = { readonly email: string; readonly name?: string | undefined; readonly tier?: Tier };
/** A change in clear; `name` null takes it away. */
export type ChangedUser = { readonly email?: string | undefined; readonly name?: string | null | undefined };
/** The audience of a change are the workspaces (UUIDs) that the user belongs to. */
export type UserAsking = {
  readonly command: CommandContext;
  readonly workspaces: readonly string[];
  readonly ifMatch?: number;
};
/** The record after a command, its stream's revision (ETag) and the position to wait for. */
export type UserAnswer = {
  readonly record: UserRecord;
  readonly revision: number;
  readonly position: number;
};

export type UserCommands = {
  /** The user with this address, made when there is none. `position` is to be waited for; -1 = nothing was written. */
  findOrCreate(input: NewUser, context: CommandContext): Promise<{ record: UserRecord; position: number }>;
  /** Throws 422 on `email` when another user has the address. */
  update(id: string, changes: ChangedUser, asking: UserAsking): Promise<UserAnswer>;
  /** Commits an erasure: everything else follows from it. Throws `not_found` for somebody who was erased before. */
  erase(id: string, asking: UserAsking): Promise<UserAnswer>;
  /** Opens the sealed parts of records, to show them: null once the person was erased. In order. */
  revealAll<R extends UserRecord>(records: readonly R[]): Promise<R[]>;
  readonly streams: Streams<User, UserCommand, UserEvent>;
};

/** Keys of persons asked for at once. */
const AT_ONCE = 50;

const emailTaken = () => invalid({ email: 'The email has already been taken.' });

const answer = ({ state, revision, position }: Handled<User, UserEvent>): UserAnswer => {
  if (!state.record) throw new Error('a user command left no record');
  return { record: state.record, revision, position };
};

/** A command that the user's workspaces are told of, besides the request's own. */
const toldTo = ({ command, workspaces }: UserAsking): CommandContext => ({
  ...command,
  audience: [...new Set([...command.audience, ...workspaces])],
});

export const userCommands = (deps: {
  log: EventLog;
  readModels: ReadModels;
  personal: PersonalData;
  now: () => Date;
}): UserCommands => {
  const { log, readModels, personal, now } = deps;
  const handled = streams(log, 'user', user, { now });
  const heldBy = ({ record }: User) => record?.emailHash ?? undefined;
  const owners = ownersIn(
    handled,
    (state, emailHash) => heldBy(state) === emailHash,
    (userId, emailHash, reservation) => ({ type: 'WithdrawEmail', userId, emailHash, reservation }) as const,
  );
  const emails = reservations(log, 'email', owners, now);
  const exchange = exchanging({ names: emails, streams: handled, heldBy, taken: emailTaken });

  const byHash = async (hash: string): Promise<UserRecord | undefined> => {
    const where = [{ field: 'emailHash', op: 'eq', value: hash } as const];
    return (await readModels.find<Row & UserRecord>('users', { where, limit: 1 }))[0];
  };

  const create = async (
    id: string,
    input: NewUser,
    emailHash: string,
    reservation: number,
    context: CommandContext,
  ) => {
    const [number, email, name] = await Promise.all([
      nextNumber(log, 'user', context, now),
      personal.seal(id, 'email', input.email),
      input.name === undefined ? null : personal.seal(id, 'name', input.name),
    ]);
    const data = { userId: id, number, name, email, emailHash, tier: input.tier ?? 'free' };
    return handled.handle(id, { type: 'CreateUser', data, reservation }, context);
  };

  const open = (id: string, field: 'name' | 'email', sealed: string | null) =>
    sealed === null ? null : personal.open(id, field, sealed);
  const reveal = async <R extends UserRecord>(record: R): Promise<R> => {
    const { id, name, email } = record;
    const [plainName, plainEmail] = await Promise.all([open(id, 'name', name), open(id, 'email', email)]);
    return { ...record, name: plainName, email: plainEmail };
  };

  /** What differs from what the record says, sealed. Throws `not_found` for somebody who is erased meanwhile. */
  const sealed = async (record: UserRecord, { name, email }: ChangedUser): Promise<UserChanges> => {
    const held = await reveal(record);
    const { id } = record;
    try {
      const changes: UserChanges = {};
      if (name !== undefined && name !== held.name)
        changes.name = name === null ? null : await personal.seal(id, 'name', name);
      if (email !== undefined && email !== held.email)
        changes.email = {
          address: await personal.seal(id, 'email', email),
          hash: personal.hashEmail(email),
        };
      return changes;
    } catch (error) {
      throw error instanceof KeyDestroyed ? notFound() : error;
    }
  };

  return {
    streams: handled,

    async findOrCreate(input, context) {
      const emailHash = personal.hashEmail(input.email);
      const id = idFor(context, 'user');
      return withReservation(async () => {
        const known = (await byHash(emailHash)) ?? (await handled.load(id)).state.record;
        if (known) return { record: known, position: -1 };
        const reservation = await emails.reserve(emailHash, id, context);
        if (reservation === undefined)
          throw new DomainError('conflict', 'A user with this e-mail address is just being made. Try again.');
        const { record, position } = answer(await create(id, input, emailHash, reservation, context));
        return { record, position };
      });
    },

    async update(id, wanted, asking) {
      const earlier = await handled.found(id, asking.command);
      if (earlier) return answer(earlier);
      const { record } = (await handled.load(id)).state;
      if (!record || record.erasedAt !== null) throw notFound();
      const changes = await sealed(record, wanted);
      const command = toldTo(asking);
      const run = ({ reservation, ifMatch }: Resting) =>
        handled.handle(
          id,
          { type: 'UpdateUser', changes, ...(reservation === undefined ? {} : { reservation }) },
          command,
          ifMatch === undefined ? {} : { ifMatch },
        );
      const hash = changes.email?.hash;
      if (hash === undefined) return answer(await run(asking));
      return answer(await withReservation(() => exchange(id, () => hash, asking, run)));
    },

    async erase(id, asking) {
      const { ifMatch } = asking;
      const { record } = (await handled.load(id)).state;
      const options = ifMatch === undefined ? {} : { ifMatch };
      const done = answer(await handled.handle(id, { type: 'EraseUser' }, toldTo(asking), options));
      if (record?.emailHash) await emails.release(record.emailHash, id, asking.command);
      return done;
    },

    revealAll: (records) => together(records, AT_ONCE, reveal),
  };
};
