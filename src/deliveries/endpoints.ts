// The endpoints as the fan-out knows them: folded in log order, so that who gets an event is a function of the log.
import { isHighVolume, wireNameOf } from '../domain/catalogue.js';
import type { Recorded } from '../domain/decider.js';
import type { FanoutEvent } from '../domain/deliveries.js';
import { matches } from '../domain/event-types.js';
import type { WebhookEvent } from '../domain/webhooks.js';
import type { WorkspaceEvent } from '../domain/workspaces.js';

export type Decided = Recorded<Extract<FanoutEvent, { type: 'EndpointDisablingDecided' }>>;

/** One endpoint. Positions are those of the whole log. */
export type FannedEndpoint = {
  readonly id: string;
  readonly workspaceId: string;
  readonly events: readonly string[];
  readonly active: boolean;
  readonly gone: boolean;
  readonly retrySchedule: readonly number[] | null;
  /** It gets only what happened after this. */
  readonly createdAt: number;
  /** Position of its last activation: failures before it no longer count. */
  readonly activatedAt: number;
  /** Revision of its own stream, and the one at which it was last activated. */
  readonly revision: number;
  readonly activatedRevision: number;
  /** A decision to disable it that has not been carried out. */
  readonly decided?: Decided;
};

type Folded = WebhookEvent | WorkspaceEvent | FanoutEvent;

/** Events that the fold looks at. */
export const endpointTypes: ReadonlySet<string> = new Set([
  'WebhookEndpointCreated',
  'WebhookEndpointUpdated',
  'WebhookSecretRotated',
  'WebhookEndpointDisabled',
  'WebhookEndpointDeleted',
  'WorkspaceDeleted',
  'EndpointDisablingDecided',
]);

/** What an event of an endpoint's own stream makes of it. Deletion is the caller's. */
const evolve = (old: FannedEndpoint, event: Recorded<WebhookEvent>): FannedEndpoint => {
  const { type, data, position, revision } = event;
  const { decided, ...rest } = old;
  switch (type) {
    case 'WebhookEndpointUpdated': {
      const { events = old.events, retrySchedule = old.retrySchedule, isActive } = data.changes;
      const changed = { events, retrySchedule, revision };
      if (isActive === undefined) return { ...old, ...changed };
      if (!isActive) return { ...old, ...changed, active: false };
      return {
        ...rest,
        ...changed,
        active: true,
        gone: false,
        activatedAt: position,
        activatedRevision: revision,
      };
    }
    case 'WebhookEndpointDisabled':
      return { ...rest, revision, active: false, gone: data.reason === 'gone' };
    default:
      return { ...old, revision };
  }
};

export type Endpoints = {
  /** Folds one event; events come in log order. */
  apply(event: Recorded): void;
  get(id: string): FannedEndpoint | undefined;
  /** Endpoints that get an event, each once, in a steady order. The event itself is folded already. */
  recipients(event: Recorded): readonly FannedEndpoint[];
  /** Decisions to disable that have not been carried out. */
  outstanding(): readonly Decided[];
};

/** An empty fold. */
export const endpointsFold = (): Endpoints => {
  const byId = new Map<string, FannedEndpoint>();
  /** Ids in order of creation. */
  const byWorkspace = new Map<string, Set<string>>();
  const deletedWorkspaces = new Set<string>();
  const decided = new Map<string, Decided>();

  const put = (endpoint: FannedEndpoint) => {
    byId.set(endpoint.id, endpoint);
    if (endpoint.decided) decided.set(endpoint.id, endpoint.decided);
    else decided.delete(endpoint.id);
  };
  const remove = (id: string) => {
    byWorkspace.get(byId.get(id)?.workspaceId ?? '')?.delete(id);
    byId.delete(id);
    decided.delete(id);
  };

  const create = ({
    data,
    position,
    revision,
  }: Recorded<Extract<WebhookEvent, { type: 'WebhookEndpointCreated' }>>) => {
    const { endpointId: id, workspaceId, events, retrySchedule } = data;
    if (deletedWorkspaces.has(workspaceId)) return;
    const since = { createdAt: position, activatedAt: position, revision, activatedRevision: revision };
    put({ id, workspaceId, events, retrySchedule, active: true, gone: false, ...since });
    const ids = byWorkspace.get(workspaceId) ?? new Set();
    byWorkspace.set(workspaceId, ids.add(id));
  };

  const removeAll = (workspaceId: string) => {
    deletedWorkspaces.add(workspaceId);
    for (const id of byWorkspace.get(workspaceId) ?? []) remove(id);
    byWorkspace.delete(workspaceId);
  };

  /** What happened to an endpoint that is known. */
  const change = (old: FannedEndpoint, event: Recorded<Folded>) => {
    if (event.type !== 'EndpointDisablingDecided') put(evolve(old, event as Recorded<WebhookEvent>));
    // A decision that a user overtook by switching the endpoint on again no longer counts.
    else if (event.data.endpointRevision >= old.activatedRevision) put({ ...old, decided: event });
  };

  return {
    apply(recorded) {
      if (!endpointTypes.has(recorded.type)) return;
      const event = recorded as Recorded as Recorded<Folded>;
      if (event.type === 'WorkspaceDeleted') removeAll(event.data.workspaceId);
      else if (event.type === 'WebhookEndpointCreated') create(event);
      else if (event.type === 'WebhookEndpointDeleted') remove(event.data.endpointId);
      else {
        const known = byId.get('endpointId' in event.data ? event.data.endpointId : '');
        if (known) change(known, event);
      }
    },

    get: (id) => byId.get(id),

    recipients(event) {
      const name = wireNameOf(event);
      if (name === null) return [];
      const highVolume = isHighVolume(event.type);
      const found: FannedEndpoint[] = [];
      for (const workspaceId of new Set(event.metadata.audience))
        for (const id of byWorkspace.get(workspaceId) ?? []) {
          const endpoint = byId.get(id);
          if (!endpoint?.active || endpoint.createdAt >= event.position) continue;
          if (matches(endpoint.events, name, highVolume)) found.push(endpoint);
        }
      return found;
    },

    outstanding: () => [...decided.values()],
  };
};
