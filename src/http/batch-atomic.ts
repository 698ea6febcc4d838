// All operations of a batch or none: decided on a draft of what is, accepted together, refused together.
import type { ReadModels } from '../adapters/read-models/port.js';
import type { BatchCommands, Decided } from '../commands/batch.js';
import type { KeptTurns, Turns } from '../commands/turns.js';
import type { WireError } from '../dialects/dialect.js';
import { errorBody } from '../dialects/envelopes.js';
import type { Json } from '../domain/decider.js';
import { type FieldErrors, invalid } from '../domain/errors.js';
import type { Operation } from './batch-forms.js';
import {
  type Endpoints,
  errorsIn,
  itemOf,
  type Outcome,
  type Running,
  runOperations,
  type Whole,
} from './batch-operation.js';
import { refusalOf } from './errors.js';
import { isRemembered } from './idempotency.js';
import type { Answer, Route } from './route.js';

/** The endpoints on a world of their own, which begins as what is, and in which what they write stays. */
export type Draft = {
  readonly routes: readonly Route[];
  readonly readModels: ReadModels;
  staged(): Decided<unknown>['staged'];
  /** Does what can only be done once the rest is written, and what no log can hold. */
  follow(): Promise<unknown>;
};

export type AtomicDeps = Running & {
  readonly batches: Pick<BatchCommands, 'accept' | 'found'>;
  draft(turns: Turns): Draft;
  /** Turns of one request, each kept from its first use to the end. */
  keepTurns(): KeptTurns;
};

/** How the operations of a batch end. `refused` = one was, so none is done. */
export type Together = { readonly outcomes: readonly Outcome[]; readonly refused: boolean };

/**
 * How the operations end, all of them done or none. A retry finds what was accepted, and has its answers rendered again
 * by the endpoints, which find their own events; what was to change nothing may then be refused, and is told as such.
 */
export const createAtomic =
  ({ batches, draft, keepTurns, waitFor, clock }: AtomicDeps) =>
  async (
    whole: Whole,
    resource: string,
    operations: readonly Operation[],
    endpointsOf: (routes: readonly Route[]) => Endpoints,
  ): Promise<Together> => {
    const { command, workspace } = whole;
    const kept = keepTurns();
    let follow = async (): Promise<unknown> => undefined;
    const decide = async (again: boolean): Promise<Decided<Outcome[]>> => {
      const { routes, readModels, staged, ...drafted } = draft(kept.turns);
      follow = drafted.follow;
      const deciding = { ...whole, command: { ...command, retry: again } };
      // What is written in the draft is seen in it at once.
      const seeing = { readModels, waitFor: async () => undefined, clock };
      const outcomes = await runOperations(deciding, endpointsOf(routes), operations, seeing);
      return { outcome: outcomes, staged: errorsIn(outcomes).length > 0 ? [] : staged() };
    };
    const accept = async (): Promise<Together> => {
      const earlier = await batches.found(command);
      if (earlier !== undefined) {
        await waitFor(earlier);
        return { outcomes: (await decide(true)).outcome, refused: false };
      }
      const request = { command, workspaceId: workspace.id, resource };
      const { outcome, position } = await batches.accept(request, decide);
      await waitFor(position);
      return { outcomes: outcome, refused: errorsIn(outcome).length > 0 };
    };
    try {
      const together = await accept();
      if (!together.refused) await follow();
      return together;
    } finally {
      kept.end();
    }
  };

/** True for what says nothing about the request: a store that is away, no time left, a fault of ours. */
export const isFailure = (error: unknown): boolean =>
  (refusalOf(error)?.code ?? 'unavailable') === 'unavailable';

/** The fields of a request that a refusal is about. */
const fieldsOf = (error: unknown, index: number): FieldErrors => {
  const refusal = refusalOf(error);
  const at = `operations.${index}`;
  const { errors } = refusal?.details ?? {};
  if (!errors) return { [at]: [refusal?.message ?? ''] };
  return Object.fromEntries(Object.entries(errors).map(([field, said]) => [`${at}.data.${field}`, said]));
};

/** 422 with every reason. Throws what is no reason but a failure of ours. */
export const refusedTogether = (
  outcomes: readonly Outcome[],
  { dialect, requestId }: Whole,
  wireOf: (error: unknown) => WireError,
): Answer => {
  const errors = errorsIn(outcomes);
  const failure = errors.find(isFailure);
  if (failure !== undefined) throw failure;
  const fields = outcomes.map((outcome, index) => ('error' in outcome ? fieldsOf(outcome.error, index) : {}));
  const failed = outcomes.flatMap((outcome, index) =>
    'error' in outcome ? [itemOf(outcome, index, dialect, wireOf) as Json] : [],
  );
  const { code, message, details } = invalid(Object.assign({}, ...fields));
  const wire = { status: 422, code, message, requestId, details: { ...details, operations: failed } };
  return { status: 422, body: errorBody(dialect, wire), unsettled: !errors.every(isRemembered) };
};
