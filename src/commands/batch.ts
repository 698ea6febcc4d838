// Many decisions written together: one event that holds them all is the commit, then each event goes to its stream.
import { LRUCache } from 'lru-cache';
import { categoryOf, type EventLog, RevisionConflict } from '../adapters/event-log/port.js';
import type { BatchAccepted, BatchEvent } from '../domain/batch.js';
import type { JsonObject, Recorded } from '../domain/decider.js';
import { DomainError, invalid } from '../domain/errors.js';
import { newId } from '../domain/ids.js';
import { batchParts, type Staged, splitNames } from './batch-parts.js';
import { type CommandContext, metadataFor } from './context.js';
import { StaleCommand } from './folding.js';
import type { Streams } from './handle.js';

/** What a decision came to, and what is to be appended for it; nothing = it was refused, or nothing changes. */
export type Decided<T> = { readonly outcome: T; readonly staged: readonly Staged[] };
export type BatchRequest = {
  readonly command: CommandContext;
  /** The context workspace. */
  readonly workspaceId: string;
  /** `workspaces`, `api-keys` … */
  readonly resource: string;
};

export type BatchCommands = {
  /**
   * Writes all that `decide` comes to, or nothing. Decides again (`again`) when others were faster. `position` is to be
   * waited for; -1 = nothing was written. Throws `conflict` when this command has been accepted before.
   */
  accept<T>(
    request: BatchRequest,
    decide: (again: boolean) => Promise<Decided<T>>,
  ): Promise<{ outcome: T; position: number }>;
  /** What an earlier run of this command has accepted, brought to its streams: the last position. Throws StaleCommand. */
  found(command: CommandContext): Promise<number | undefined>;
  /** Brings an accepted batch to all its streams; the last position. Doing it twice changes nothing. */
  finish(accepted: Recorded<BatchAccepted>): Promise<number>;
  /** The work on a batch that was accepted in this process lately; rejects when it was left unfinished. */
  underWay(accepted: Recorded): Promise<unknown> | undefined;
};

/** Whoever was faster has got on: so one of those who are in each other's way does each time. */
const MAX_TRIES = 20;
const DAY = 86_400_000;
/** Batches of this process of which it is remembered that they are cared for. */
const REMEMBERED = 10_000;

const streamOf = ({ commandId }: CommandContext): string => `batch-${commandId}`;
const tooLarge = () =>
  invalid({
    operations: 'The operations are too large to be accepted together. Send fewer, or without "atomic".',
  });
const busy = () => new DomainError('conflict', 'The records are being changed by others. Try again.');

/** Who keeps others off a stream. */
export type BatchHolder = Pick<Streams<never, never, never>, 'hold'>;

/** `holders`: the handlers of the streams that a batch may write, by category. */
export const batchCommands = (
  log: EventLog,
  holders: ReadonlyMap<string, BatchHolder>,
  now: () => Date,
): BatchCommands => {
  const parts = batchParts(log);
  const own = new LRUCache<string, Promise<unknown>>({ max: REMEMBERED });

  /** Runs work while no command of this process can come between on these streams. In one order, so that none waits in a circle. */
  const holding = async <T>(streams: readonly string[], work: () => Promise<T>): Promise<T> => {
    const releases: (() => void)[] = [];
    try {
      for (const stream of [...new Set(streams)].toSorted()) {
        const category = categoryOf(stream);
        const release = await holders.get(category)?.hold(stream.slice(category.length + 1));
        if (release) releases.push(release);
      }
      return await work();
    } finally {
      for (const release of releases) release();
    }
  };

  const acceptedEvent = ({ command, workspaceId, resource }: BatchRequest, rest: readonly Staged[]) => ({
    id: newId(),
    type: 'BatchAccepted' as const,
    data: {
      workspaceId,
      resource,
      parts: rest.map(({ stream, after, events }) => ({
        stream,
        after,
        events: events.map(({ id, type, data, metadata: { at, commandId, audience } }) => ({
          id,
          type,
          data: data as JsonObject,
          at,
          commandId,
          audience: [...audience],
        })),
      })),
    },
    metadata: metadataFor(command, workspaceId, now()),
  });

  const noteDistributed = async ({ stream, data, metadata, id }: Recorded<BatchAccepted>): Promise<void> => {
    const event: BatchEvent = { type: 'BatchDistributed', data: { workspaceId: data.workspaceId } };
    const stamped = { ...metadata, at: now().toISOString(), causationId: id };
    await log.append(stream, [{ ...event, id: newId(), metadata: stamped }], 0).catch((error: unknown) => {
      if (!(error instanceof RevisionConflict)) throw error; // it is noted
    });
  };

  const finish = async (accepted: Recorded<BatchAccepted>): Promise<number> => {
    const streams = accepted.data.parts.map(({ stream }) => stream);
    const position = await holding(streams, () => parts.spread(accepted));
    await noteDistributed(accepted);
    return position;
  };

  /** Commits, then spreads. What cannot be spread now is spread later: it is accepted all the same. */
  const commit = async (request: BatchRequest, rest: readonly Staged[]): Promise<number> => {
    const stream = streamOf(request.command);
    const event = acceptedEvent(request, rest);
    const written = log
      .append(stream, [event], 'no_stream')
      .then((appended) => ({ ...event, stream, ...appended }));
    const spread = written.then(parts.spread);
    const noted = spread.then(async () => noteDistributed(await written));
    noted.catch(() => undefined); // told to whoever asks for it
    own.set(event.id, noted);
    const { position } = await written;
    return spread.catch(() => position);
  };

  /** Undefined when others were faster, and all is to be decided again. */
  const tryToAccept = async (
    request: BatchRequest,
    staged: readonly Staged[],
  ): Promise<number | undefined> => {
    if (await parts.moved(staged)) return undefined;
    const { names, rest } = splitNames(staged);
    if (!(await parts.take(names))) return undefined;
    try {
      return await commit(request, rest);
    } catch (error) {
      const unwritten = error instanceof RangeError || error instanceof RevisionConflict;
      if (unwritten) await parts.giveAllBack(names);
      throw error instanceof RangeError ? tooLarge() : error instanceof RevisionConflict ? busy() : error;
    }
  };

  return {
    async accept(request, decide) {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const { outcome, staged } = await decide(tries > 0 || request.command.retry);
        if (staged.length === 0) return { outcome, position: -1 };
        const streams = staged.map(({ stream }) => stream);
        const position = await holding(streams, () => tryToAccept(request, staged));
        if (position !== undefined) return { outcome, position };
      }
      throw busy();
    },
    async found(command) {
      if (!command.retry) return undefined;
      for await (const event of log.read(streamOf(command), { limit: 1 })) {
        if (now().getTime() - Date.parse(event.metadata.at) > DAY) throw new StaleCommand(event.position);
        return finish(event as Recorded as Recorded<BatchAccepted>);
      }
      return undefined;
    },
    finish,
    underWay: ({ id }) => own.get(id),
  };
};
