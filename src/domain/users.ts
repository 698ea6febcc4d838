// What can happen to a user. Name and e-mail come in sealed with the person's own key: nothing here can read them. Pure.
import { z } from 'zod';
import { type Decider, event } from './decider.js';
import { DomainError, notFound } from './errors.js';
import { type Tier, tiers } from './tiers.js';
import { ReservationLost } from './workspaces.js';

const sealed = z.string();
/** HMAC of the case-folded address, hex: tells whether two addresses are the same, and no more. */
const emailHash = z.string();
const changes = z.object({
  name: sealed.nullable().optional(),
  /** Sealed address and its hash change together; the new address is not verified. */
  email: z.object({ address: sealed, hash: emailHash }).optional(),
});

export const UserEvent = z.discriminatedUnion('type', [
  event('UserCreated', {
    userId: z.uuid(),
    number: z.int(),
    name: sealed.nullable(),
    email: sealed,
    emailHash,
    tier: z.enum(tiers),
  }),
  event('UserUpdated', { userId: z.uuid(), changes }),
  // Their key is destroyed with it: what earlier events hold of them can no longer be read by anybody.
  event('UserErased', { userId: z.uuid() }),
  // A reservation of an address by this user was taken over: `reservation` is the revision that no longer counts.
  event('UserEmailWithdrawn', { userId: z.uuid(), emailHash, reservation: z.int() }),
]);
export type UserEvent = z.infer<typeof UserEvent>;
export type UserChanges = z.infer<typeof changes>;
export type UserCreated = Extract<UserEvent, { type: 'UserCreated' }>['data'];

/** An address comes with the revision of its reservation, so that one taken over meanwhile is refused. */
export type UserCommand =
  | { type: 'CreateUser'; data: UserCreated; reservation: number }
  | { type: 'UpdateUser'; changes: UserChanges; reservation?: number }
  | { type: 'EraseUser' }
  | { type: 'WithdrawEmail'; userId: string; emailHash: string; reservation: number };

/** The whole record, as folded from its stream. `name` and `email` are sealed, and gone once the person was erased. */
export type UserRecord = {
  readonly id: string;
  readonly number: number;
  readonly name: string | null;
  readonly email: string | null;
  readonly emailHash: string | null;
  readonly tier: Tier;
  readonly emailVerifiedAt: string | null;
  readonly erasedAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
};
/** `withdrawn`: address hash → highest revision of a reservation that no longer counts. */
export type User = { readonly record?: UserRecord; readonly withdrawn: Readonly<Record<string, number>> };

export const user: Decider<User, UserCommand, UserEvent> = {
  initialState: { withdrawn: {} },

  decide(command, { record, withdrawn }) {
    /** The address that somebody has already needs no reservation. */
    const requireReserved = (hash: string, reservation: number | undefined) => {
      const lost =
        reservation === undefined ? hash !== record?.emailHash : (withdrawn[hash] ?? -1) >= reservation;
      if (lost) throw new ReservationLost();
    };
    switch (command.type) {
      case 'WithdrawEmail': {
        const { userId, emailHash: hash, reservation } = command;
        return [{ type: 'UserEmailWithdrawn', data: { userId, emailHash: hash, reservation } }];
      }
      case 'CreateUser':
        requireReserved(command.data.emailHash, command.reservation);
        if (record) throw new DomainError('conflict', 'This user already exists.');
        return [{ type: 'UserCreated', data: command.data }];
      case 'EraseUser':
        if (!record || record.erasedAt !== null) throw notFound();
        return [{ type: 'UserErased', data: { userId: record.id } }];
      case 'UpdateUser':
        if (!record || record.erasedAt !== null) throw notFound();
        if (command.changes.email) requireReserved(command.changes.email.hash, command.reservation);
        if (command.changes.name === undefined && command.changes.email === undefined) return [];
        return [{ type: 'UserUpdated', data: { userId: record.id, changes: command.changes } }];
    }
  },

  evolve(state, { type, data, metadata: { at } }) {
    if (type === 'UserEmailWithdrawn')
      return { ...state, withdrawn: { ...state.withdrawn, [data.emailHash]: data.reservation } };
    if (type === 'UserCreated') {
      const { userId: id, ...fields } = data;
      return {
        ...state,
        record: { id, ...fields, emailVerifiedAt: null, erasedAt: null, createdAt: at, updatedAt: at },
      };
    }
    if (!state.record) return state;
    if (type === 'UserErased') {
      const nothing = { name: null, email: null, emailHash: null, emailVerifiedAt: null };
      return { ...state, record: { ...state.record, ...nothing, erasedAt: at, updatedAt: at } };
    }
    const { name, email } = data.changes;
    const address = email && { email: email.address, emailHash: email.hash, emailVerifiedAt: null };
    return {
      ...state,
      record: { ...state.record, ...(name === undefined ? {} : { name }), ...address, updatedAt: at },
    };
  },
};
