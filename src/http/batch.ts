// Many operations in one request: each through its own endpoint, and one answer for them all.
import { type AtomicDeps, createAtomic, isFailure, refusedTogether, type Together } from './batch-atomic.js';
import { type Action, BatchBody, type BatchWords, batchDoc } from './batch-forms.js';
import {
  type Endpoint,
  type Endpoints,
  errorsIn,
  itemOf,
  runOperations,
  type Whole,
} from './batch-operation.js';
import { wireError } from './errors.js';
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
  /** True where operations of one kind that follow each other look at rows alone: each waits for those of the one before. */
  readonly rowsOnly?: true;
};

export type BatchDeps = AtomicDeps & {
  /** The endpoints that the operations stand for, and others. */
  readonly routes: readonly Route[];
  readonly failed: FailureLog;
};

const usual = ({ path }: BatchResource): Record<Action, Single> => ({
  create: { method: 'POST', path },
  update: { method: 'PATCH', path: `${path}/:id` },
  delete: { method: 'DELETE', path: `${path}/:id` },
});

export const batchRoutes = (resources: readonly BatchResource[], deps: BatchDeps): Route[] => {
  const { routes, failed } = deps;
  const atomically = createAtomic(deps);

  const endpointsOf = (resource: BatchResource, among: readonly Route[]): Endpoints => {
    const singles = { ...usual(resource), ...resource.instead };
    const find = (action: Action): Endpoint => {
      const { method, path, params } = singles[action];
      const found = among.find((one) => one.method === method && one.path === path);
      if (!found) throw new Error(`There is no endpoint ${method} ${path} for a batch.`);
      return { route: found, params };
    };
    const { rowsOnly = false } = resource;
    return { rowsOnly, create: find('create'), update: find('update'), delete: find('delete') };
  };

  const answerOf = ({ outcomes, refused }: Together, whole: Whole): Answer => {
    const { requestId, dialect, caller } = whole;
    const wireOf = (error: unknown) =>
      wireError(error, { requestId, scopes: caller.key.scopes, upgradeUrl: whole.upgradeUrl() });
    const errors = errorsIn(outcomes);
    if (refused) return refusedTogether(outcomes, whole, wireOf);
    if (errors.length === outcomes.length && errors.every(isFailure)) throw errors[0];
    const total = outcomes.length;
    const meta = { total, succeeded: total - errors.length, failed: errors.length };
    const data = outcomes.map((outcome, index) => itemOf(outcome, index, dialect, wireOf));
    // What shows persons is not kept: a retry makes it again from what can still be read of them.
    const showsPersons = outcomes.some((one) => 'answer' in one && one.answer.person !== undefined);
    const unsettled = showsPersons || !errors.every(isRemembered);
    return { status: 200, body: { data, meta }, unsettled };
  };

  return resources.map((resource) => {
    const { path, words } = resource;
    const endpoints = endpointsOf(resource, routes);
    const { create, update } = endpoints;
    return route({
      method: 'POST',
      path: `${path}/batch`,
      scope: 'any',
      body: BatchBody,
      doc: batchDoc(words, { create: create.route.doc, update: update.route.doc }),
      handle: async (whole) => {
        const { operations, atomic } = whole.body;
        const together = atomic
          ? await atomically(whole, path.slice(1), operations, (among) => endpointsOf(resource, among))
          : { outcomes: await runOperations(whole, endpoints, operations, deps), refused: false };
        for (const error of errorsIn(together.outcomes))
          failed(error, { requestId: whole.requestId, route: patternOf(`${path}/batch`) });
        return answerOf(together, whole);
      },
    });
  });
};
