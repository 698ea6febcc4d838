// The effects around decisions about users: sealing, integer ids, one user per e-mail address.
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import { DomainError } from '../domain/errors.js';
import type { Tier } from '../domain/tiers.js';
import { type User, type UserCommand, type UserEvent, type UserRecord, user } from '../domain/users.js';
import { type CommandContext, idFor } from './context.js';
import { type Streams, streams } from './handle.js';
import { nextNumber } from './numbers.js';
import type { PersonalData } from './personal-data.js';
import { ownersIn, type Reservations, reservations, withReservation } from './reservations.js';

/** Name and e-mail as given, in clear. */
export type NewUser = { readonly email: string; readonly name?: string | undefined; readonly tier?: Tier };
/** A user whose name and e-mail can be read; both are null once the person was erased. */
export type RevealedUser = Omit<UserRecord, 'email'> & { readonly email: string | null };

export type UserCommands = {
  /** The user with this address, made when there is none. `position` is to be waited for; -1 = nothing was written. */
  findOrCreate(input: NewUser, context: CommandContext): Promise<{ record: UserRecord; position: number }>;
  /** Opens the sealed parts of a record, to show them. */
  reveal(record: UserRecord): Promise<RevealedUser>;
  readonly streams: Streams<User, UserCommand, UserEvent>;
};

/** A reservation of an address by somebody who has it, or has it no more. */
const emailReservations = (log: EventLog, handled: UserCommands['streams'], now: () => Date): Reservations =>
  reservations(
    log,
    'email',
    ownersIn(
      handled,
      ({ record }, emailHash) => record?.emailHash === emailHash,
      (userId, emailHash, reservation) =>
        ({ type: 'WithdrawEmail', userId, emailHash, reservation }) as const,
    ),
    now,
  );

export const userCommands = (deps: {
  log: EventLog;
  readModels: ReadModels;
  personal: PersonalData;
  now: () => Date;
}): UserCommands => {
  const { log, readModels, personal, now } = deps;
  const handled = streams(log, 'user', user, { now });
  const emails = emailReservations(log, handled, now);

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
        const { state, position } = await create(id, input, emailHash, reservation, context);
        if (!state.record) throw new Error('a user command left no record');
        return { record: state.record, position };
      });
    },

    async reveal(record) {
      const { id } = record;
      const [name, email] = await Promise.all([
        record.name === null ? null : personal.open(id, 'name', record.name),
        personal.open(id, 'email', record.email),
      ]);
      return { ...record, name, email };
    },
  };
};
