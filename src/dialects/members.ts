// How each dialect shows a member of a workspace: a user, with a role and since when.
import type { Role } from '../domain/members.js';
import { seconds, type View, type Views } from './dialect.js';
import { type ShownUser, userViews } from './users.js';

export type ShownMember = ShownUser & { readonly role: Role; readonly joinedAt: string };

const viewOf = (view: View<ShownUser>): View<ShownMember> => {
  const whole = [...view.list, 'role', 'joined_at'];
  return {
    fields: { ...view.fields, role: ({ role }) => role, joined_at: ({ joinedAt }) => seconds(joinedAt) },
    list: whole,
    single: whole,
    created: whole,
  };
};

export const memberViews: Views<ShownMember> = {
  2026: viewOf(userViews[2026]),
  2024: viewOf(userViews[2024]),
};
