// What is sent to an endpoint about one event, in either dialect.
import { publicId } from '../domain/ids.js';
import { type Dialect, seconds } from './dialect.js';

/** An event as its payload tells it. `record` is what it is about, rendered in the same dialect. */
export type Told = {
  readonly id: string;
  /** Name on the wire. */
  readonly type: string;
  readonly at: string;
  /** Integer id of the workspace that it is about; null when that has none. */
  readonly workspaceNumber: number | null;
  readonly record: Readonly<Record<string, unknown>>;
};

/** `workspace.created` → `workspace`, `seo.report.created` → `seo.report`. */
const resourceOf = (type: string): string => type.slice(0, type.lastIndexOf('.'));

/** The body. Its `id` is the same for every endpoint and attempt, so that a receiver can drop what it has seen. */
export const payload = (dialect: Dialect, { id, type, at, workspaceNumber, record }: Told): object => {
  const eventId = publicId('event', id);
  const head = { id: eventId, type, created_at: seconds(at) };
  if (dialect === '2026') return { ...head, workspace_id: workspaceNumber, data: record };
  const { id: recordId = eventId, ...attributes } = record;
  return { ...head, data: { object: { id: recordId, type: resourceOf(type), attributes } } };
};
