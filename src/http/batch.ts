// Many operations in one request: each through its own endpoint, and one answer for them all.
import { type Action, BatchBody, type BatchWords, batchDoc, type Operation } from './batch-forms.js';
import { type Endpoint, itemOf, type Outcome, runOperation, type Whole } from './batch-operation.js';
import { refusalOf, wireError } from './errors.js';
import { isRemembered } from './idempotency.js';
import type { FailureLog } from './reply.js';
import { type Answer, type Method, type Route, route } from './route.js';
import { patternOf } from './table.js';

/** The endpoint that does alone what an action does in a batch. */
export type Single = {
  readonly method: Method;
  readonly path: string;
  readonly params?: Endpoint['params'];
};
/** A resource that takes batches. */
export type BatchResource = {
  /** Path of its list: `/workspaces`. */
  readonly path: string;
  readonly words: BatchWords;
  /** Endpoints that are not the usual POST, PATCH and DELETE below `path`. */
  readonly instead?: Partial<Record<Action, Single>>;
};

export type BatchDeps = {
  /** The endpoints that the operations stand for, and others. */
  readonly routes: readonly Route[];
  /** Resolves when the read models have seen `position`, or it took too long. */
  waitFor(position: number): Promise<unknown>;
  readonly failed: FailureLog;
  readonly upgradeUrl: string;
};

/** Runs the n-th operation of a request. */
type Run = (operation: Operation, index: number) => Promise<Outcome>;

const usual = ({ path }: BatchResource): Record<Action, Single> => ({
  create: { method: 'POST', path },
  update: { method: 'PATCH', path: `${path}/:id` },
  delete: { method: 'DELETE', path: `${path}/:id` },
});

const errorsIn = (outcomes: readonly Outcome[]): unknown[] =>
  outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));

const isUnavailable = (error: unknown) => refusalOf(error)?.code === 'unavailable';

export const batchRoutes = (resources: readonly BatchResource[], deps: BatchDeps): Route[] => {
  const { routes, waitFor, failed, upgradeUrl } = deps;

  const endpointOf = (resource: BatchResource, action: Action): Endpoint => {
    const single = { ...usual(resource), ...resource.instead }[action];
    const found = routes.find(({ method, path }) => method === single.method && path === single.path);
    if (!found) throw new Error(`There is no endpoint ${single.method} ${single.path} for a batch.`);
    return { route: found, params: single.params };
  };

  /** One after the other. What an operation may have changed is seen by the ones of another action that follow. */
  const inOrder = async (operations: readonly Operation[], run: Run): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    let position = -1;
    for (const [index, operation] of operations.entries()) {
      if (index > 0 && operations[index - 1]?.action !== operation.action) await waitFor(position);
      const outcome = await run(operation, index);
      if ('answer' in outcome) position = Math.max(position, outcome.answer.position ?? -1);
      outcomes.push(outcome);
    }
    await waitFor(position);
    return outcomes;
  };

  const answerOf = (outcomes: readonly Outcome[], whole: Whole, pattern: string): Answer => {
    const { requestId, dialect, caller } = whole;
    const errors = errorsIn(outcomes);
    for (const error of errors) failed(error, { requestId, route: pattern });
    const wireOf = (error: unknown) => wireError(error, { requestId, scopes: caller.key.scopes, upgradeUrl });
    if (errors.length === outcomes.length && errors.every(isUnavailable)) throw errors[0];
    const total = outcomes.length;
    const meta = { total, succeeded: total - errors.length, failed: errors.length };
    const data = outcomes.map((outcome, index) => itemOf(outcome, index, dialect, wireOf));
    return { status: 200, body: { data, meta }, unsettled: !errors.every(isRemembered) };
  };

  return resources.map((resource) => {
    const endpoints = {
      create: endpointOf(resource, 'create'),
      update: endpointOf(resource, 'update'),
      delete: endpointOf(resource, 'delete'),
    };
    const pattern = patternOf(`${resource.path}/batch`);
    return route({
      method: 'POST',
      path: `${resource.path}/batch`,
      scope: 'any',
      body: BatchBody,
      doc: batchDoc(resource.words),
      handle: async (whole) => {
        const run: Run = (operation, index) =>
          runOperation(whole, endpoints[operation.action], operation, index);
        return answerOf(await inOrder(whole.body.operations, run), whole, pattern);
      },
    });
  });
};
