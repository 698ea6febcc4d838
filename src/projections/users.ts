// The read model of users. Name and e-mail stay sealed in it: they are opened where they are shown.
import type { Row } from '../adapters/read-models/port.js';
import { type User, UserEvent, type UserRecord, user } from '../domain/users.js';
import { shared } from './fields.js';
import { type Projection, recordProjection, typesOf } from './projection.js';

export type UserRow = Row & UserRecord;

export const users: Projection<UserRow> = recordProjection<User, UserRow>({
  name: 'users',
  version: 2,
  holds: 'A user. Name and e-mail address are sealed with a key of their own for each person.',
  fields: {
    number: shared.number,
    name: ['sealed?', 'The name.'],
    email: ['sealed?', 'The e-mail address; null once the person was erased.'],
    emailHash: [
      'text?',
      'HMAC of the address, in hex: the same for the same address, and nothing else can be told.',
    ],
    tier: ['text', 'As in workspaces.'],
    emailVerifiedAt: ['instant?', 'When the address was verified.'],
    erasedAt: ['instant?', 'When the person was erased; the row stays for records that name them.'],
    createdAt: shared.createdAt,
    updatedAt: shared.updatedAt,
  },
  indexes: ['number', 'emailHash'],
  events: typesOf(UserEvent),
  evolve: user.evolve,
  toState: (record) => (record ? { record, withdrawn: {} } : user.initialState),
  toRow: ({ record }) => record && { ...record },
});
