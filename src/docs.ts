// docs/events.md and docs/errors.md, made from the code so that they cannot lag behind it.
import { errorBody } from './dialects/envelopes.js';
import { catalogue } from './domain/catalogue.js';
import type { EventType } from './domain/catalogue-area.js';
import { errorGuide } from './domain/error-guide.js';
import { errorCodes } from './domain/errors.js';
import { statuses } from './http/errors.js';

const wireOf = ({ wire }: EventType): string =>
  wire === null
    ? 'never delivered'
    : typeof wire === 'string'
      ? `\`${wire}\``
      : `the name in \`${wire.field}\``;

const eventSection = (entry: EventType): string =>
  [
    `## ${entry.type}`,
    `${entry.description}`,
    `Version ${entry.version} · stream \`${entry.category}\` · on the wire: ${wireOf(entry)}${entry.highVolume ? ' · high volume: not delivered to `*`' : ''}`,
    `\`\`\`json\n${JSON.stringify(entry.example, null, 2)}\n\`\`\``,
  ].join('\n\n');

/** The text of docs/events.md. */
export const eventsPage = (): string => {
  const entries = [...catalogue.values()];
  const rows = entries.map(
    (entry) => `| [${entry.type}](#${entry.type.toLowerCase()}) | \`${entry.category}\` | ${wireOf(entry)} |`,
  );
  return `${[
    '# Events',
    'Every event of the log, from the schemas in `src/domain/`. Made by `npm run docs`; a test fails when it lags behind.',
    'Around the data stands the same metadata on each: `at` (when, ISO 8601 with milliseconds), `actor` (key and user, or the system), `audience` (workspaces that may see it), `commandId`, `correlationId`, `causationId`, `requestId`, `fingerprint` (HMAC of a request with an idempotency key) and `ip` (sealed). No secret stands in clear: what begins with `k1.` is sealed.',
    ['| Type | Stream | On the wire |', '|---|---|---|', ...rows].join('\n'),
    ...entries.map(eventSection),
  ].join('\n\n')}\n`;
};

const codeIn2024 = (code: (typeof errorCodes)[number]): string => {
  const body = errorBody('2024', {
    status: statuses[code],
    code,
    message: '',
    requestId: 'req_',
    details: {},
  });
  return (body as { error: { code: string } }).error.code;
};

/** The text of docs/errors.md. */
export const errorsPage = (): string => {
  const rows = errorCodes.map((code) => {
    const { cause, mend } = errorGuide[code];
    return `| ${statuses[code]} | \`${code}\` | \`${codeIn2024(code)}\` | ${cause} | ${mend} |`;
  });
  return `${[
    '# Errors',
    'Every refusal of the API, by status. Made by `npm run docs` from the code; a test fails when it lags behind.',
    'In the default dialect an error is `{"error": code, "message": sentence, …}`; in the 2024 dialect `{"error": {"code", "message", "details"?, "request_id"?}}`. `UNAUTHENTICATED` is the 2024 code when no key was sent at all. Every answer carries `X-Request-ID`.',
    ['| Status | Code | Code in 2024 | Cause | What to do |', '|---|---|---|---|---|', ...rows].join('\n'),
  ].join('\n\n')}\n`;
};
