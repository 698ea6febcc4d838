// How each dialect shows a user: with an integer id in both.
import type { Tier } from '../domain/tiers.js';
import { seconds, secondsOrNull, type View, type Views } from './dialect.js';

/** A user whose name and e-mail have been opened; null = unreadable since the person was erased, or never given. */
export type ShownUser = {
  readonly number: number;
  readonly name: string | null;
  readonly email: string | null;
  readonly tier: Tier;
  readonly emailVerifiedAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
};

const whole = ['id', 'name', 'email', 'tier', 'email_verified_at', 'created_at'];
const view: View<ShownUser> = {
  fields: {
    id: ({ number }) => number,
    name: ({ name }) => name,
    email: ({ email }) => email,
    tier: ({ tier }) => tier,
    email_verified_at: ({ emailVerifiedAt }) => secondsOrNull(emailVerifiedAt),
    created_at: ({ createdAt }) => seconds(createdAt),
    updated_at: ({ updatedAt }) => seconds(updatedAt),
  },
  list: whole,
  single: whole,
  created: whole,
};

export const userViews: Views<ShownUser> = { 2026: view, 2024: view };
