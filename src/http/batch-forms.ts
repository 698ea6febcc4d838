// What requests for many operations at once may say, and what the documentation says about them.
import { z } from 'zod';
import type { Json } from '../domain/decider.js';
import type { RouteDoc } from './route.js';

export const MAX_OPERATIONS = 100;

export const actions = ['create', 'update', 'delete'] as const;
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

/** Names and examples of one resource. */
export type BatchWords = {
  /** `Workspaces`: ends the id and is the tag of the endpoint. */
  readonly id: string;
  readonly tag: string;
  /** What the resource is called in a sentence, in the plural. */
  readonly things: string;
  /** Said about `create`, where it is more than the usual. */
  readonly note?: string;
  /** Data of a creation and of a change. */
  readonly create: object;
  readonly update: object;
  /** The records that these lead to, as 2026 shows them. */
  readonly created: object;
  readonly updated: object;
  /** A prefixed id. */
  readonly prefixed: string;
};

const message = 'Resource not found.';

export const batchDoc = ({
  id: name,
  tag,
  things,
  note = '',
  create,
  update,
  created,
  updated,
  prefixed,
}: BatchWords): RouteDoc => {
  const meta = { total: 3, succeeded: 2, failed: 1 };
  const done = (shownId: object) => [
    { index: 0, action: 'create', status: 201, data: { ...created, ...shownId } },
    { index: 1, action: 'update', status: 200, data: { ...updated, ...shownId } },
  ];
  const refused = { index: 2, action: 'delete', status: 404 };
  const wrong = { code: 'RESOURCE_NOT_FOUND', message, request_id: 'req_abc123def456' };
  return {
    id: `batch${name}`,
    tag,
    summary: `Create, update and delete up to ${MAX_OPERATIONS} ${things} at once`,
    description: `Each operation does what the single endpoint does, with its rules, its scope and its answer: \`data\`, or the error in the form of the dialect. They run in order, and one that fails does not stop the others. With \`atomic\` all are decided before any is written: if one fails, none is done, and the answer is 422 with every reason. One Idempotency-Key covers them all; \`If-Match\` has no meaning here.${note === '' ? '' : ` ${note}`}`,
    requestExample: {
      operations: [
        { action: 'create', data: create },
        { action: 'update', id: 1, data: update },
        { action: 'delete', id: 999_999 },
      ],
    },
    success: {
      status: 200,
      description: 'What came of each operation, in order. Look at `meta.failed`.',
      example: { data: [...done({}), { ...refused, error: 'not_found', message }], meta },
      example2024: { data: [...done({ id: prefixed }), { ...refused, error: wrong }], meta },
    },
    refusals: {
      422: 'The request is not well-formed; or, with `atomic`, an operation fails: `errors` are keyed by `operations.0.data.name` or `operations.0`, and `operations` lists those that fail.',
    },
  };
};
