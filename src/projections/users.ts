// The read model of users. Name and e-mail stay sealed in it: they are opened where they are shown.
import type { Row } from '../adapters/read-models/port.js';
import { type User, UserEvent, type UserRecord, user } from '../domain/users.js';
import { type Projection, recordProjection, typesOf } from './projection.js';

export type UserRow = Row & UserRecord;

export const users: Projection<UserRow> = recordProjection<User, UserRow>({
  name: 'users',
  version: 1,
  indexes: ['number', 'emailHash'],
  events: typesOf(UserEvent),
  evolve: user.evolve,
  toState: (record) => (record ? { record, withdrawn: {} } : user.initialState),
  toRow: ({ record }) => record && { ...record },
});
