// One operation of a batch, through the endpoint that does the same alone: same checks, same handler, same answer.
import type { ReadModels } from '../adapters/read-models/port.js';
import { type CommandContext, randomFor } from '../commands/context.js';
import type { Dialect, WireError } from '../dialects/dialect.js';
import { errorBody } from '../dialects/envelopes.js';
import { DomainError } from '../domain/errors.js';
import { derivedId } from '../domain/ids.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import type { Action, Operation } from './batch-forms.js';
import { missingScope } from './errors.js';
import { freshly } from './idempotency.js';
import { validBody } from './request.js';
import type { Answer, Exchange, Route } from './route.js';
import { validate } from './validation.js';

/** The request that holds the operations. */
export type Whole = Exchange<unknown, unknown>;

/** The endpoint that an operation stands for; without `params` its path parameter `id` is the operation's. */
export type Endpoint = {
  readonly route: Route;
  readonly params?: ((whole: Whole) => Readonly<Record<string, string>>) | undefined;
};

export type Endpoints = Readonly<Record<Action, Endpoint>> & { readonly rowsOnly: boolean };

/** How an operation ended. */
export type Outcome =
  | { readonly operation: Operation; readonly answer: Answer }
  | { readonly operation: Operation; readonly error: unknown };

export const errorsIn = (outcomes: readonly Outcome[]): unknown[] =>
  outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));

/** Identity and randomness of the n-th operation: the same on a retry of the batch. */
const commandOf = (command: CommandContext, index: number): CommandContext => ({
  ...command,
  commandId: derivedId(command.commandId, 'operation', String(index)),
  seed: () => randomFor(command, `operation-${index}`),
});

/** Runs an operation as its endpoint would. Throws what the endpoint throws. */
const runAlone = async (
  { ifMatch: _, ...whole }: Whole,
  { route, params }: Endpoint,
  { id, data = {} }: Operation,
  command: CommandContext,
): Promise<Answer> => {
  if (route.scope !== 'any' && !whole.holds(route.scope)) throw missingScope(route.scope);
  const query = route.query ? validate(route.query, {}) : undefined;
  const body = validBody(route, data);
  const named = params?.(whole) ?? (id === undefined ? {} : { id });
  return route.handle({ ...whole, params: named, query, body, command });
};

/** How the n-th operation of a batch ends. */
const runOperation = async (
  whole: Whole,
  endpoint: Endpoint,
  operation: Operation,
  index: number,
): Promise<Outcome> => {
  try {
    const run = (command: CommandContext) => runAlone(whole, endpoint, operation, command);
    return { operation, answer: await freshly(commandOf(whole.command, index), run) };
  } catch (error) {
    return { operation, error };
  }
};

/** So long a batch begins operations, ms: a name server that does not answer may keep each of them waiting. */
const MAX_MS = 30_000;
const outOfTime = () =>
  new DomainError(
    'unavailable',
    'There was no time left for this operation, and it was not begun. A retry with the same Idempotency-Key goes on here.',
  );

export type Running = {
  readonly readModels: ReadModels;
  /** Resolves when what was written up to `position` is seen. */
  waitFor(position: number): Promise<unknown>;
  /** Milliseconds, of a clock that never goes back. */
  clock(): number;
};

/** The request as its context workspace is now. */
const inWorkspaceNow = async (whole: Whole, readModels: ReadModels): Promise<Whole> => {
  const workspace = await readModels.get<WorkspaceRow>('workspaces', whole.workspace.id);
  return workspace ? { ...whole, workspace } : whole;
};

/**
 * Runs operations one after the other; every one ends somehow. Each sees what those before it have written: for that it
 * waits, but where the one before does the same and their endpoints know of each other (`rowsOnly` = they do not).
 */
export const runOperations = async (
  whole: Whole,
  { rowsOnly, ...endpoints }: Endpoints,
  operations: readonly Operation[],
  { readModels, waitFor, clock }: Running,
): Promise<Outcome[]> => {
  const until = clock() + MAX_MS;
  const outcomes: Outcome[] = [];
  let [now, position] = [whole, -1];
  for (const [index, operation] of operations.entries()) {
    const { action } = operation;
    if (index > 0 && (rowsOnly || operations[index - 1]?.action !== action)) {
      await waitFor(position);
      now = await inWorkspaceNow(whole, readModels);
    }
    const outcome =
      clock() > until
        ? { operation, error: outOfTime() }
        : await runOperation(now, endpoints[action], operation, index);
    if ('answer' in outcome) position = Math.max(position, outcome.answer.position ?? -1);
    outcomes.push(outcome);
  }
  await waitFor(position);
  return outcomes;
};

/** What the answer says about an operation; a refusal as the endpoint's own answer would say it. */
export const itemOf = (
  outcome: Outcome,
  index: number,
  dialect: Dialect,
  wireOf: (error: unknown) => WireError,
): object => {
  const { action } = outcome.operation;
  if ('error' in outcome) {
    const wire = wireOf(outcome.error);
    return { index, action, status: wire.status, ...errorBody(dialect, wire) };
  }
  const { status, body } = outcome.answer;
  return { index, action, status, data: (body as { data?: unknown } | undefined)?.data ?? null };
};
