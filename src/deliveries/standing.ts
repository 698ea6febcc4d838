// Whether an endpoint takes deliveries now, as the read models know it.
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import type { CancelReason } from '../domain/deliveries.js';
import type { WebhookRow } from '../projections/webhooks.js';

export type Standing =
  | { readonly state: 'active'; readonly endpoint: WebhookRow }
  /** Switched off: what is open waits. */
  | { readonly state: 'held' }
  /** What is open is to be cancelled. */
  | { readonly state: 'gone'; readonly reason: CancelReason }
  /** Its row is not there yet. */
  | { readonly state: 'unknown' };

/** Looks an endpoint up, and its workspace. */
export const standingOf = async (readModels: ReadModels, endpointId: string): Promise<Standing> => {
  // A row that is missing and one that was deleted are told apart by the tombstone.
  const endpoint = (await readModels.load<WebhookRow>('webhooks', [endpointId])).get(endpointId);
  if (!endpoint) return { state: 'unknown' };
  if (endpoint.deleted) return { state: 'gone', reason: 'endpoint_deleted' };
  const { workspaceId } = endpoint;
  if ((await readModels.load<Row>('workspaces', [workspaceId])).get(workspaceId)?.deleted)
    return { state: 'gone', reason: 'workspace_deleted' };
  if (endpoint.disabledReason === 'gone') return { state: 'gone', reason: 'endpoint_gone' };
  return endpoint.isActive ? { state: 'active', endpoint } : { state: 'held' };
};

/** Remembers each endpoint for the length of one piece of work. */
export const standings = (readModels: ReadModels): ((endpointId: string) => Promise<Standing>) => {
  const known = new Map<string, Promise<Standing>>();
  return (endpointId) => {
    const found = known.get(endpointId) ?? standingOf(readModels, endpointId);
    known.set(endpointId, found);
    return found;
  };
};
