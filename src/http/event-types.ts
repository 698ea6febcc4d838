// The event types that can be subscribed to, each with an example of what an endpoint gets.
import { apiKeyTold } from '../dialects/api-keys.js';
import { type Dialect, render } from '../dialects/dialect.js';
import { packageTold, usageTold } from '../dialects/entitlements.js';
import { toolCallTold } from '../dialects/mcp.js';
import { namespaceViews } from '../dialects/namespaces.js';
import { payload } from '../dialects/payloads.js';
import { pixelTold } from '../dialects/pixel.js';
import { seoReportViews } from '../dialects/seo.js';
import { type ShownUser, userViews } from '../dialects/users.js';
import { noAttempts, webhookViews } from '../dialects/webhooks.js';
import { workspaceViews } from '../dialects/workspaces.js';
import type { ApiKeyEvent } from '../domain/api-key-events.js';
import { apiKey } from '../domain/api-keys.js';
import { catalogue, wireNameOf } from '../domain/catalogue.js';
import { type EventType, exampleIds } from '../domain/catalogue-area.js';
import type { Decider, DomainEvent } from '../domain/decider.js';
import type { GrantEvent } from '../domain/entitlements/grants.js';
import type { MeterEvent } from '../domain/entitlements/meter.js';
import type { PublishedEvent } from '../domain/events.js';
import type { ToolCalled } from '../domain/mcp.js';
import { namespace } from '../domain/namespaces.js';
import type { Hit } from '../domain/pixel.js';
import { seoReport } from '../domain/seo.js';
import { webhook } from '../domain/webhooks.js';
import { workspace } from '../domain/workspaces.js';
import { arrayAnswer, arrayQuery } from './array-list.js';
import { pageExample } from './doc-examples.js';
import { type Route, route } from './route.js';
import { wholeNames } from './shown-names.js';

const AT = '2026-01-15T10:30:00.000Z';

const exampleOf = (type: string): DomainEvent => ({ type, data: catalogue.get(type)?.example ?? {} });

/** The state after an example, on a record that another example has created. */
const after = <S, C, E extends DomainEvent>(
  decider: Decider<S, C, E>,
  created: E['type'],
  type: string,
): S => {
  const events = created === type ? [exampleOf(type)] : [exampleOf(created), exampleOf(type)];
  return events.reduce<S>(
    // The catalogue's examples are events of their own areas, as its test says.
    (state, event) => decider.evolve(state, { ...(event as E), metadata: { at: AT } }),
    decider.initialState,
  );
};

/** What the log holds of a person is sealed, so this example cannot be made from an event. */
const jane: ShownUser = {
  number: 1,
  name: 'Jane Doe',
  email: 'jane@example.com',
  tier: 'free',
  emailVerifiedAt: null,
  createdAt: AT,
  updatedAt: AT,
};

type Shown = Record<string, unknown>;
/** What an endpoint is told of the record, by category of streams; undefined where there is no record. */
const shownIn: Readonly<Record<string, (type: string, dialect: Dialect) => Shown | undefined>> = {
  workspace(type, dialect) {
    const { record } = after(workspace, 'WorkspaceCreated', type);
    return record && render(workspaceViews[dialect], record, 'told');
  },
  namespace(type, dialect) {
    const { record } = after(namespace, 'NamespaceCreated', type);
    return record && render(namespaceViews[dialect], record, 'told');
  },
  webhookEndpoint(type, dialect) {
    const { record } = after(webhook, 'WebhookEndpointCreated', type);
    return record && render(webhookViews[dialect], { ...record, ...noAttempts }, 'told');
  },
  apiKey(type, dialect) {
    const { record } = after(apiKey, 'ApiKeyCreated', type);
    return record && apiKeyTold(dialect, type as ApiKeyEvent['type'], record, AT);
  },
  seoReport(type, dialect) {
    const report = after(seoReport, 'SeoReportCreated', type);
    return report && render(seoReportViews[dialect], report, 'told');
  },
  usage: (type) => usageTold(exampleOf(type) as MeterEvent, 5_000),
  entitlements: (type) => packageTold(exampleOf(type) as GrantEvent),
  pixel: (type) => pixelTold(exampleOf(type).data as Hit),
  user: (_type, dialect) => render(userViews[dialect], jane, 'told'),
  toolCall: (type) => toolCallTold(exampleOf(type).data as ToolCalled),
  published: (type) => (exampleOf(type) as PublishedEvent).data.data,
};

const shownFields = ['type', 'description', 'included_in_all', 'example'] as const;

/** One type as the list shows it. */
const shown = (
  { type, category, description, example, highVolume }: EventType,
  dialect: Dialect,
): Record<(typeof shownFields)[number], unknown> => {
  const name = wireNameOf({ type, data: example }) ?? type;
  const record = shownIn[category]?.(type, dialect) ?? {};
  const told = { id: exampleIds.eventId, type: name, at: AT, workspaceNumber: 1, record };
  return {
    type: name,
    description,
    // Types that come in masses are not part of `*`.
    included_in_all: highVolume !== true,
    example: payload(dialect, told),
  };
};

/** What can be subscribed to, in one dialect. */
const subscribable = (dialect: Dialect) =>
  [...catalogue.values()].filter(({ wire }) => wire !== null).map((entry) => shown(entry, dialect));

export const eventTypeRoutes = (): Route[] => {
  const lists = {
    2026: subscribable('2026'),
    2024: subscribable('2024'),
  };
  return [
    route({
      method: 'GET',
      path: '/event-types',
      scope: 'webhooks:read',
      query: arrayQuery(['type']),
      shows: wholeNames(shownFields),
      doc: {
        id: 'listEventTypes',
        tag: 'Webhooks',
        summary: 'List the event types that can be subscribed to',
        description:
          'Besides these, any type that you publish yourself can be subscribed to, by its name, by `resource.*` or by `*`.',
        success: {
          status: 200,
          description:
            'A page of the event types, each with a description and an example of the body that is sent.',
          ...pageExample('/event-types', lists[2026].slice(0, 1), lists[2024].slice(0, 1)),
        },
      },
      handle: async (exchange) => arrayAnswer(exchange, shownFields, lists[exchange.dialect]),
    }),
  ];
};
