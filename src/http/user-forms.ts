// What requests about users and members may say, and what the documentation says about them.

import { z } from 'zod';
import { roles } from '../domain/members.js';
import { pageExample } from './doc-examples.js';
import { fields } from './fields.js';
import { requireKnown } from './list-parameters.js';
import type { ListSpec } from './list-query.js';
import type { RouteDoc } from './route.js';

export const userList: ListSpec = {
  sort: {
    id: 'number',
    name: 'name',
    email: 'email',
    tier: 'tier',
    email_verified_at: 'emailVerifiedAt',
    created_at: 'createdAt',
    updated_at: 'updatedAt',
  },
  search: true,
};

export const memberList: ListSpec = {
  sort: { ...userList.sort, role: 'role', joined_at: 'joinedAt' },
  search: true,
  filters: {
    role(value) {
      requireKnown('role', [value], roles);
      return [{ field: 'role', op: 'eq', value }];
    },
  },
  filterDocs: { role: { enum: roles } },
};

export const UpdateUserBody = z.strictObject({
  name: fields.name.nullable().optional(),
  email: fields.email.optional(),
});
export const AddMemberBody = z.strictObject({
  email: fields.email,
  name: fields.name.optional(),
  role: z.enum(roles).default('member'),
});
export const UpdateMemberBody = z.strictObject({ role: z.enum(roles) });

const user = {
  id: 1,
  name: 'John Doe',
  email: 'john@example.com',
  tier: 'pro',
  email_verified_at: '2026-01-01T12:00:00Z',
  created_at: '2026-01-01T00:00:00Z',
};
const member = { ...user, role: 'admin', joined_at: '2026-01-15T10:30:00Z' };
const tag = 'Users';
const params = { id: 'User id' };
const sealed =
  'Names and addresses are sealed with a key of each person’s own. So `search`, and `sort` by name or e-mail, open all members, and work in workspaces of up to 1,000 of them.';
const authority = 'Neither oneself nor with the role that this needs.';

/** What may be null. */
const nullable = ['name', 'email', 'email_verified_at'];

export const userDocs = {
  list: {
    id: 'listUsers',
    tag,
    summary: 'List users',
    description: `The members of the context workspace. ${sealed}`,
    success: {
      nullable,
      status: 200,
      description: 'A page of the workspace’s members.',
      ...pageExample('/users', [user]),
    },
  },
  current: {
    id: 'getCurrentUser',
    tag,
    summary: 'Get the user of this request',
    success: {
      nullable,
      status: 200,
      description: 'The user that the key acts for.',
      example: { data: user },
    },
  },
  get: {
    id: 'getUser',
    tag,
    summary: 'Get a user',
    description: 'Oneself, or a member of the context workspace.',
    params,
    success: {
      nullable,
      status: 200,
      description: 'The user.',
      example: { data: user },
    },
  },
  update: {
    id: 'updateUser',
    tag,
    summary: 'Update a user',
    description:
      'Oneself, or whoever one is an owner or admin of in every workspace that they belong to. A changed address is no longer verified. `name: null` takes the name away.',
    params,
    requestExample: { name: 'Jane Doe', email: 'jane@example.com' },
    success: {
      nullable,
      status: 200,
      description: 'The user after the change.',
      example: {
        message: 'User updated successfully.',
        data: { ...user, name: 'Jane Doe', email: 'jane@example.com', email_verified_at: null },
      },
      example2024: {
        data: { ...user, name: 'Jane Doe', email: 'jane@example.com', email_verified_at: null },
      },
    },
    refusals: { 403: authority },
  },
  remove: {
    id: 'eraseUser',
    tag,
    summary: 'Erase a user',
    description:
      'Makes name, e-mail and client addresses of the person unreadable for good, in what is shown and in the history, by destroying the key that they are sealed with. Ends their memberships, keys and own namespaces, and the workspaces that nobody else belongs to. Oneself, or whoever one is an owner of in every workspace that they belong to.',
    params,
    success: { status: 204, description: 'Erased.' },
    refusals: {
      403: authority,
      422: 'They are the only owner of a workspace with other members (`cannot_delete`); the message names it.',
    },
  },
} satisfies Record<string, RouteDoc>;

const memberParams = { id: 'Workspace id', user_id: 'User id' };
const lastOwner = 'The workspace would have no owner any more.';

export const memberDocs = {
  list: {
    id: 'listMembers',
    tag: 'Workspaces',
    summary: 'List the members of a workspace',
    description: `\`role\` leaves those who have it. ${sealed}`,
    params: { id: 'Workspace id' },
    success: {
      nullable,
      status: 200,
      description: 'A page of the members.',
      ...pageExample('/workspaces/1/members', [member]),
    },
  },
  add: {
    id: 'addMember',
    tag: 'Workspaces',
    summary: 'Add a member to a workspace',
    description:
      'By e-mail address; whoever is no user yet becomes one, with that name. Needs the role owner or admin, and nobody gives a role above their own. Somebody who has the role already keeps it. It takes effect at once, without asking them, and shows what the list of members shows: name, tier, and since when they are a user.',
    params: { id: 'Workspace id' },
    requestExample: { email: 'john@example.com', name: 'John Doe', role: 'admin' },
    success: {
      nullable,
      status: 201,
      description: 'The member.',
      example: { message: 'Member added successfully.', data: member },
      example2024: { data: member },
    },
    refusals: { 403: 'The role of the key’s user does not suffice.' },
  },
  update: {
    id: 'updateMember',
    tag: 'Workspaces',
    summary: 'Change the role of a member',
    description: 'Needs the role owner or admin; neither the old nor the new role may be above one’s own.',
    params: memberParams,
    requestExample: { role: 'member' },
    success: {
      nullable,
      status: 200,
      description: 'The member.',
      example: { message: 'Member updated successfully.', data: { ...member, role: 'member' } },
      example2024: { data: { ...member, role: 'member' } },
    },
    refusals: { 403: 'The role of the key’s user does not suffice.', 422: lastOwner },
  },
  remove: {
    id: 'removeMember',
    tag: 'Workspaces',
    summary: 'Remove a member from a workspace',
    description:
      'Needs the role owner or admin, and none below that of the member; everybody may leave. Their keys for this workspace end at once and for good.',
    params: memberParams,
    success: { status: 204, description: 'Removed.' },
    refusals: { 403: 'The role of the key’s user does not suffice.', 422: lastOwner },
  },
} satisfies Record<string, RouteDoc>;
