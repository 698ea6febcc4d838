// docs/read-models.md, for those who query MongoDB directly: made from what the read models say of themselves.
import { collectionName } from '../adapters/read-models/documents.js';
import { models } from '../app/models.js';
import { NEVER } from '../domain/decider.js';
import type { Described } from '../projections/fields.js';

const byName = new Map(models.map((model) => [model.name, model]));

/** The collection of a read model as the shell names it: with a hyphen in it, a plain `db.name` is a subtraction. */
const shellName = (name: string): string => {
  const model = byName.get(name);
  if (!model) throw new Error(`There is no read model ${name}.`);
  return `db.getCollection('${collectionName(model)}')`;
};

/** Queries for the MongoDB shell; a test runs them. */
export const exampleQueries: readonly { readonly asks: string; readonly query: string }[] = [
  {
    asks: 'Workspaces made since the beginning of a year, newest first',
    query: `${shellName('workspaces')}
  .find({ deleted: { $ne: true }, createdAt: { $gte: '2026-01-01T00:00:00.000Z' } })
  .sort({ createdAt: -1 })
  .limit(100)`,
  },
  {
    asks: 'Keys of a workspace that authenticate now (revoked ones are rows too)',
    query: `${shellName('api-keys')}
  .find({ workspaceId: '019bc0d4-8a40-7c3e-9d1b-2f6a51e0c001', revoked: false, isEnabled: true,
          endsAt: { $gt: new Date().toISOString() } })
  .sort({ number: 1 })`,
  },
  {
    asks: 'How many deliveries have not come to rest (an instant that is still never)',
    query: `${shellName('deliveries')}
  .countDocuments({ deleted: { $ne: true }, finishedAt: '${NEVER}' })`,
  },
  {
    asks: 'Endpoints by what they have taken',
    query: `${shellName('webhook-counters')}
  .find({ deleted: { $ne: true } })
  .sort({ successCount: -1, failureCount: -1 })
  .limit(20)`,
  },
  {
    asks: 'Deliveries by status',
    query: `${shellName('deliveries')}
  .aggregate([{ $match: { deleted: { $ne: true } } }, { $group: { _id: '$status', count: { $sum: 1 } } }])`,
  },
];

const section = (model: Described): string => {
  const fields = Object.entries<readonly [string, string]>(model.fields);
  const rows = fields.map(([name, [type, meaning]]) => `| \`${name}\` | ${type} | ${meaning} |`);
  const indexes = ['_id', ...model.indexes].map((field) => `\`${field}\``).join(', ');
  return [
    `## ${collectionName(model)}`,
    model.holds,
    ...(rows.length > 0 ? [['| Field | Type | Meaning |', '|---|---|---|', ...rows].join('\n')] : []),
    ...(rows.length > 0 ? [`Indexes: ${indexes}.`] : []),
  ].join('\n\n');
};

const introduction = `# Read models

What the collections in MongoDB hold, for those who query them directly; without \`MONGODB_URL\` the same rows stand in the memory of the process and nowhere else. Made by \`npm run docs\` from the code; a test fails when it lags behind.

**Read only.** The rows are folded from the event log and can be built again from it at any time: what you write into them is overwritten or lost, and nobody is told. Make a user with the role \`read\` for analysis. Rows follow the log with a delay, usually of milliseconds.

The database is the one in the path of \`MONGODB_URL\`, else \`core_api\`, with \`STORE_PREFIX\` before it. A collection is named after its read model and the version of its rows, \`<name>_v<version>\`. When a release changes what rows look like, it fills a new collection beside the old one; the old one is dropped at a start once the new one has passed it and nothing has written to the old one for a day. So a query names a version, and goes on until you change it or the day is over.

## What every row has

| Field | Type | Meaning |
|---|---|---|
| \`_id\` | text | The id of the record, a UUID unless the collection says otherwise. Public ids (\`wks_…\`) are made from it. |
| \`position\` | integer | Position in the log of the last event folded into the row. It grows, with gaps. |
| \`revision\` | integer | Revision of that event in its stream. |
| \`deleted\` | boolean | Only on tombstones, and then \`true\`. |

**Tombstones.** The row of a deleted record stays, with its fields and \`deleted: true\`, so that an event that is read twice cannot bring it back. Put \`deleted: { $ne: true }\` into every query that counts what is there. Only finished deliveries go altogether: a day after \`DELIVERY_RETENTION_DAYS\`.

**Types.** \`text\`, \`integer\`, \`number\`, \`boolean\`, \`object\`; \`uuid\` is the \`_id\` of another row or the id of an event; \`instant\` is a text in ISO 8601, UTC, always with milliseconds (\`2026-01-15T10:30:00.000Z\`), so that it sorts and compares as text; \`[]\` is a list, \`?\` may be null. Keys that callers chose (in \`metadata\`, \`settings\`) are stored with \`.\`, \`$\`, \`%\` and NUL written as in URLs: \`a.b\` is \`a%2Eb\`.

**Never.** An instant that never comes is stored as \`${NEVER}\`, not as null, so that \`$gt\` and \`$lte\` need no second condition. The API shows it as null.

**Sealed.** A field of the type \`sealed\` holds text that begins with \`k1.\`: encrypted, for the API to open. The secrets of webhook endpoints open with \`ENCRYPTION_KEY\`; names and e-mail addresses with the person's own key in the vault, and with none once it is destroyed.`;

const around = `## Other collections

| Collection | Holds |
|---|---|
| \`checkpoints\` | How far each collection has come: \`_id\` is its name, \`position\` the place in the log up to which everything is folded in, \`log\` the id of that log, \`version\` that of the rows, \`at\` (a date) when it last moved, \`rows\` the UUID of the collection that it counts for. Rows may be some events ahead of it, never behind. |
| \`leases\` | Which process does what one at a time should do: \`holder\`, and \`until\` in Unix milliseconds. |
| \`meta\` | One document, \`schema\`, with the version of all this. A database with another version is refused at the start. |`;

/** The text of docs/read-models.md. */
export const readModelsPage = (): string => {
  const contents = models.map((model) => {
    const name = collectionName(model);
    return `| [${name}](#${name}) | ${model.holds} |`;
  });
  return `${[
    introduction,
    ['## Collections', '', '| Collection | A row is |', '|---|---|', ...contents].join('\n'),
    ...models.map(section),
    around,
    '## Example queries',
    'For the MongoDB shell (`mongosh`).',
    ...exampleQueries.map(({ asks, query }) => `${asks}:\n\n\`\`\`js\n${query}\n\`\`\``),
  ].join('\n\n')}\n`;
};
