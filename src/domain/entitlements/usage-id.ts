// The public id of a usage record: where its event stands, so that no list of all records has to be kept. Pure.
import { publicId, uuidOf } from '../ids.js';

/** A meter: one owner's count of one feature in one period. */
export type MeterKey = { readonly ownerId: string; readonly feature: string; readonly period: string };
export type UsagePlace = MeterKey & { readonly revision: number };

/** What follows `usage-` in the name of a meter's stream, and is the id of its row. */
export const meterId = ({ ownerId, feature, period }: MeterKey): string => `${ownerId}.${feature}.${period}`;

/** `use_01kf….api_calls.2026-01.5000`. */
export const usageId = ({ ownerId, feature, period, revision }: UsagePlace): string =>
  `${publicId('usage', ownerId)}.${feature}.${period}.${revision}`;

/** Reads such an id; undefined when it is none. */
export const parseUsageId = (id: string): UsagePlace | undefined => {
  const [, owner = '', feature = '', period = '', revision = ''] =
    /^([^.]{1,40})\.([a-z][a-z0-9_-]{0,63})\.([a-z0-9-]{1,16})\.(0|[1-9]\d{0,14})$/.exec(id) ?? [];
  const ownerId = uuidOf('usage', owner);
  return ownerId === undefined ? undefined : { ownerId, feature, period, revision: Number(revision) };
};
