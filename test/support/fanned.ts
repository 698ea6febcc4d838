// Events for tests of the fan-out, and a subscriber that is fed by hand.
import { randomUUID } from 'node:crypto';
import type { EventLog, NewEvent } from '../../src/adapters/event-log/port.js';
import { type Subscriber, type SubscriberDeps, subscriber } from '../../src/deliveries/subscriber.js';
import type { DomainEvent, Metadata, Recorded } from '../../src/domain/decider.js';
import type { Attempted, FanoutEvent } from '../../src/domain/deliveries.js';
import { eventsIn } from './embedded-log.js';

/** A UUID that is easy to tell from others. */
export const uuid = (n: number): string => `01980000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

export const AT = '2026-01-15T10:30:00.000Z';
export const plus = (seconds: number): string => new Date(Date.parse(AT) + seconds * 1_000).toISOString();

type Placed = {
  readonly stream: string;
  readonly event: DomainEvent;
  readonly audience: readonly string[];
  readonly at?: string;
};

export const endpointCreated = (
  id: string,
  workspaceId: string,
  more: { events?: string[]; retrySchedule?: number[] } = {},
): Placed => ({
  stream: `webhookEndpoint-${id}`,
  audience: [workspaceId],
  event: {
    type: 'WebhookEndpointCreated',
    data: {
      endpointId: id,
      workspaceId,
      number: 1,
      url: 'https://your-app.com/webhooks',
      events: ['*'],
      secret: 'sealed',
      description: null,
      metadata: {},
      scheme: '2026',
      retrySchedule: null,
      ...more,
    },
  },
});
export const endpointChanged = (endpointId: string, workspaceId: string, changes: object): Placed => ({
  stream: `webhookEndpoint-${endpointId}`,
  audience: [workspaceId],
  event: { type: 'WebhookEndpointUpdated', data: { endpointId, workspaceId, changes } },
});
export const endpointDisabled = (
  endpointId: string,
  workspaceId: string,
  reason: 'failures' | 'gone' = 'failures',
): Placed => ({
  stream: `webhookEndpoint-${endpointId}`,
  audience: [workspaceId],
  event: { type: 'WebhookEndpointDisabled', data: { endpointId, workspaceId, reason, decidedAt: 1 } },
});
export const endpointDeleted = (endpointId: string, workspaceId: string): Placed => ({
  stream: `webhookEndpoint-${endpointId}`,
  audience: [workspaceId],
  event: { type: 'WebhookEndpointDeleted', data: { endpointId, workspaceId } },
});
export const workspaceRenamed = (workspaceId: string, context = workspaceId): Placed => ({
  stream: `workspace-${workspaceId}`,
  audience: [workspaceId, context],
  event: { type: 'WorkspaceUpdated', data: { workspaceId, changes: { name: 'New' } } },
});
export const workspaceDeleted = (workspaceId: string, context: string): Placed => ({
  stream: `workspace-${workspaceId}`,
  audience: [workspaceId, context],
  event: { type: 'WorkspaceDeleted', data: { workspaceId } },
});
export const published = (workspaceId: string, type = 'post.created'): Placed => ({
  stream: `published-${randomUUID()}`,
  audience: [workspaceId],
  event: { type: 'EventPublished', data: { workspaceId, type, data: { id: 42 } } },
});
export const attempted = (
  endpointId: string,
  workspaceId: string,
  more: Partial<Attempted> & { deliveryId?: string } = {},
): Placed => ({
  stream: `endpointDeliveries-${endpointId}`,
  audience: [workspaceId],
  event: {
    type: 'DeliveryAttempted',
    data: {
      deliveryId: uuid(0xde1),
      endpointId,
      workspaceId,
      attempt: 1,
      startedAt: AT,
      durationMs: 10,
      outcome: 'retry',
      responseCode: 500,
      responseBody: null,
      error: null,
      nextRetryAt: null,
      ...more,
    },
  },
});

/** Appends events, one after the other. */
export const put = async (log: EventLog, ...placed: readonly Placed[]): Promise<void> => {
  for (const { stream, event, audience, at = AT } of placed) {
    const commandId = randomUUID();
    const metadata: Metadata = {
      at,
      audience,
      actor: { system: 'test' },
      commandId,
      correlationId: commandId,
    };
    await log.append(stream, [{ ...event, id: randomUUID(), metadata } as NewEvent], 'any');
  }
};

/** The events of the fan-out's stream. */
export const fannedOut = async (log: EventLog): Promise<Recorded<FanoutEvent>[]> =>
  (await eventsIn(log, 'fanout')) as Recorded[] as Recorded<FanoutEvent>[];

/** What was queued, as `endpoint <- type`, in order. */
export const queuedIn = async (log: EventLog): Promise<string[]> =>
  (await fannedOut(log)).flatMap(({ type, data }) =>
    type === 'DeliveryQueued'
      ? [`${Number.parseInt(data.endpointId.slice(-4), 16)} <- ${data.eventType}`]
      : [],
  );

export const newSubscriber = (log: EventLog, more: Partial<SubscriberDeps> = {}): Subscriber =>
  subscriber({
    log,
    now: () => new Date(AT),
    random: () => 0,
    schedule: [0, 60, 300],
    disabling: { after: 3, afterSeconds: 60 },
    disable: async () => undefined,
    ...more,
  });

/** Feeds a started subscriber with what it has not seen, as the follower does, `size` events at a time. */
export const feed = async (
  log: EventLog,
  { handler }: Subscriber,
  from: number,
  size = 100,
): Promise<number> => {
  const head = await log.head();
  let events: Recorded[] = [];
  let position = from;
  const hand = async (to: number, caughtUp: boolean) => {
    await handler.handle({
      events: events.filter(({ type }) => handler.types.has(type)),
      position: to,
      caughtUp,
    });
    events = [];
    position = to;
  };
  for await (const event of log.readAll(from)) {
    if (event.position > head) break;
    events.push(event);
    if (events.length === size) await hand(event.position, event.position === head);
  }
  if (position < head) await hand(head, true);
  return position;
};

/** Starts a subscriber and feeds it with everything that is in the log now. */
export const fanOutAll = async (
  log: EventLog,
  one: Subscriber = newSubscriber(log),
  size = 100,
): Promise<number> => feed(log, one, await one.handler.start(), size);
