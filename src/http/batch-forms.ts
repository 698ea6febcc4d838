// What requests for many operations at once may say, and what the documentation says about them.
import { z } from 'zod';
import type { Json } from '../domain/decider.js';
import type { RouteDoc } from './route.js';

const MAX_OPERATIONS = 100;

const actions = ['create', 'update', 'delete'] as const;
export type Action = (typeof actions)[number];

const id = z
  .union([z.string(), z.int()])
  .transform(String)
  .meta({ description: 'Integer id, prefixed id or UUID of the record; not for create.' });
/** Its fields are checked by the schema of the endpoint that the operation stands for. */
const data = z
  .record(z.string(), z.custom<Json>())
  .meta({ description: 'The body of the endpoint that the operation stands for; not for delete.' });

const operation = z
  .strictObject({ action: z.enum(actions), id: id.optional(), data: data.optional() })
  .superRefine(({ action, id: named, data: given }, context) => {
    const fault = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (action !== 'create' && named === undefined) fault('id', 'The :attribute field is required.');
    if (action === 'create' && named !== undefined)
      fault('id', 'The :attribute field is not known: what is created gets an id of its own.');
    if (action !== 'delete' && given === undefined) fault('data', 'The :attribute field is required.');
    if (action === 'delete' && given !== undefined)
      fault('data', 'The :attribute field is not known: a deletion has no data.');
  });
export type Operation = z.infer<typeof operation>;

export const BatchBody = z.strictObject({
  operations: z.array(operation).min(1).max(MAX_OPERATIONS),
  atomic: z.boolean().default(false).meta({ description: 'All of the operations, or none.' }),
});

/** What of the documentation is a resource's own. */
export type BatchWords = {
  /** `Workspaces`: ends the id of the endpoint. */
  readonly id: string;
  /** What the resource is called in a sentence, in the plural. */
  readonly things: string;
  /** Said besides, where there is more to say. */
  readonly note?: string;
};

type Examples = Pick<RouteDoc['success'], 'example' | 'example2024'>;
const dataOf = (example: unknown): unknown => (example as { data?: unknown } | undefined)?.data;

/** What an item holds besides is as the endpoint's own answer has it. */
const item = z.looseObject({
  index: z.int(),
  action: z.enum(actions),
  status: z.int(),
  data: z.looseObject({}).nullable().optional(),
  error: z.union([z.string(), z.looseObject({ code: z.string(), message: z.string() })]).optional(),
});
const answer = z.object({
  data: z.array(item),
  meta: z.object({ total: z.int(), succeeded: z.int(), failed: z.int() }),
});

const message = 'Resource not found.';
const refusal = {
  example: { error: 'not_found', message },
  example2024: { error: { code: 'RESOURCE_NOT_FOUND', message, request_id: 'req_abc123def456' } },
};

/** What a creation, a change and a failed deletion look like together. */
const answered = (dialect: keyof Examples, create: Examples, update: Examples) => ({
  data: [
    { index: 0, action: 'create', status: 201, data: dataOf(create[dialect]) },
    { index: 1, action: 'update', status: 200, data: dataOf(update[dialect]) },
    { index: 2, action: 'delete', status: 404, ...refusal[dialect] },
  ],
  meta: { total: 3, succeeded: 2, failed: 1 },
});

/** `create` and `update` document the endpoints that the operations stand for. */
export const batchDoc = (
  { id: name, things, note }: BatchWords,
  { create, update }: Readonly<Record<'create' | 'update', RouteDoc>>,
): RouteDoc => ({
  id: `batch${name}`,
  tag: update.tag,
  summary: `Create, update and delete up to ${MAX_OPERATIONS} ${things} at once`,
  description: [
    'Each operation does what the single endpoint does, with its rules, its scope and its answer: `data`, or the error in the form of the dialect. They run in order, and one that fails does not stop the others. With `atomic` all are decided before any is written: if one fails, none is done, and the answer is 422 with every reason. One Idempotency-Key covers them all; `If-Match` has no meaning here.',
    ...(note === undefined ? [] : [note]),
  ].join(' '),
  requestExample: {
    operations: [
      { action: 'create', data: create.requestExample },
      { action: 'update', id: 1, data: update.requestExample },
      { action: 'delete', id: 999_999 },
    ],
  },
  success: {
    status: 200,
    description: 'What came of each operation, in order. Look at `meta.failed`.',
    example: answered('example', create.success, update.success),
    example2024: answered('example2024', create.success, update.success),
    schema: answer,
  },
  refusals: {
    422: 'The request is not well-formed; or, with `atomic`, an operation fails: `errors` are keyed by `operations.0.data.name` or `operations.0`, and `operations` lists those that fail.',
  },
});
