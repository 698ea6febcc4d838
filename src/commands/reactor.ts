// What all reactors have in common: they note what happens, act where they have caught up, and remember how far they came.
import type { Batch } from '../adapters/event-log/port.js';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { Metadata, Recorded } from '../domain/decider.js';
import { DomainError } from '../domain/errors.js';
import { type CommandContext, systemContext } from './context.js';
import type { Progress } from './progress.js';

/** The event that makes a reactor act. */
export type Cause = Pick<Recorded, 'id' | 'position'> & { readonly metadata: Metadata };

/** A read model without rows, kept for its checkpoint. `upTo` says what holds up to there. */
export const checkpointOnly = <N extends string>(name: N, upTo: string) =>
  ({
    name,
    version: 1,
    holds: `Nothing: only its checkpoint is used, up to which ${upTo}.`,
    fields: {},
    indexes: [],
  }) as const;

/** A command of the system that follows from an event; it is told to whom the event was told. */
export const consequence = (system: string, { id, metadata }: Cause): CommandContext =>
  systemContext(system, {
    causationId: id,
    correlationId: metadata.correlationId,
    audience: metadata.audience,
  });

/** Runs what may find its record gone meanwhile, which is as good. */
export const unlessGone = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'not_found') return undefined;
    throw error;
  }
};

const PAGE = 500;

/** Every row that a query finds, page by page in the order of their numbers, however many there are. */
export async function* everyRow<R extends { readonly id: string; readonly number: number }>(
  readModels: ReadModels,
  model: string,
  where: readonly Term[],
): AsyncGenerator<R> {
  for (let after = 0; ; ) {
    const page: Term[] = [...where, { field: 'number', op: 'gt', value: after }];
    const rows = await readModels.find<R & { position: number }>(model, {
      where: page,
      sort: [['number', 'asc']],
      limit: PAGE,
    });
    yield* rows;
    const last = rows.at(-1)?.number;
    if (last === undefined || rows.length < PAGE) return;
    after = last;
  }
}

/**
 * The follower's handler. Most of what it reads of was done long ago, so it only notes, and acts where it has caught up.
 * `settle` does what is left to do, and survives being called twice; `isIdle` = nothing is noted that is not done, so
 * that the next start may begin after it; `clear` = it is going to be read of again.
 */
export const reactor = (deps: {
  readonly model: { readonly name: string };
  readonly types: readonly string[];
  readonly progress: Progress;
  readonly note: (event: Recorded) => void;
  readonly settle: () => Promise<void>;
  readonly isIdle: () => boolean;
  readonly clear: () => void;
}) => {
  const { model, types, progress, note, settle, isIdle, clear } = deps;
  return {
    name: model.name,
    types: new Set(types),
    start(): Promise<number> {
      clear();
      return progress.start();
    },
    look: progress.look,
    stop: progress.stop,
    skip: (position: number): boolean => isIdle() && progress.skip(position),
    async handle({ events, position, caughtUp }: Batch): Promise<void> {
      for (const event of events) note(event);
      if (caughtUp) await settle();
      if (isIdle()) await progress.store([], position);
    },
  };
};
