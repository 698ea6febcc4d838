// A write with an Idempotency-Key happens once: claimed before it runs, remembered when it has, found again after a crash.
import { createHmac } from 'node:crypto';
import type { Begun, Idempotency, Started, StoredAnswer } from '../adapters/idempotency/port.js';
import { StaleCommand } from '../commands/folding.js';
import { DomainError, type ErrorCode, invalid } from '../domain/errors.js';
import { derivedId } from '../domain/ids.js';
import { randomBytes } from './random.js';
import type { Log } from './reply.js';

/** Throws 422 unless it is 1–255 visible characters. */
export const requireIdempotencyKey = (key: string): string => {
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw invalid({ 'Idempotency-Key': 'The Idempotency-Key must be 1 to 255 visible characters.' });
  return key;
};

/** All of a request that makes it the same one. */
export type Fingerprinted = {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly dialect: string;
  readonly workspaceId: string;
  readonly namespaceId: string | undefined;
  readonly body: Buffer;
};

const fingerprintOf = (key: Buffer, request: Fingerprinted): string => {
  const { method, target, dialect, workspaceId, namespaceId, body } = request;
  const context = namespaceId === undefined ? workspaceId : `${workspaceId} ${namespaceId}`;
  return createHmac('sha256', key)
    .update(`${method}\n${target}\n${dialect}\n${context}\n`)
    .update(body)
    .digest('hex');
};

/** Identity and randomness of one run. */
export type Run = {
  readonly commandId: string;
  readonly seed: () => Buffer;
  readonly at: string;
  readonly fingerprint: string;
  /** An earlier run may have appended. */
  readonly retry: boolean;
  /** When the first run began, where that is known. */
  readonly since?: string;
};

/**
 * What a run ended with. `durable` = nothing in the log would lead a later run to the same answer. `unsettled` = a
 * later run may end better: then it is not remembered.
 */
export type Ended = {
  readonly answer: StoredAnswer;
  readonly durable: boolean;
  readonly unsettled?: boolean;
};

export type Once = (
  request: Fingerprinted & {
    readonly keyId: string;
    readonly idempotencyKey: string;
    readonly now: string;
    /** Runs only what has run before. */
    readonly repeatOnly: boolean;
  },
  work: (run: Run) => Promise<Ended>,
  /** The answer to a refusal; undefined when it is none to remember. */
  refused: (error: unknown) => StoredAnswer | undefined,
) => Promise<{ readonly answer: StoredAnswer; readonly replayed: boolean }>;

const MAX_STALE = 100;

type Repeatable = Pick<Run, 'commandId' | 'retry'>;

/** What to run after a failure, if anything: the id may have been used before, more than a day ago. */
const nextRun = <R extends Repeatable>(first: R, current: R, error: unknown): R | undefined => {
  // An id used more than a day ago stands for another command now, with an id derived from it.
  if (error instanceof StaleCommand)
    return { ...first, commandId: derivedId(first.commandId, String(error.position)), retry: true };
  // What stands in the way may be that old command's; to tell, its events must be looked for.
  const blocked = error instanceof DomainError && error.code === 'conflict' && !current.retry;
  return blocked ? { ...current, retry: true } : undefined;
};

/** Runs a command; under another id where an old command had this one, and looking for its events where it seems done. */
export const freshly = async <R extends Repeatable, T>(run: R, work: (run: R) => Promise<T>): Promise<T> => {
  let current = run;
  for (let tries = 0; ; tries++) {
    try {
      return await work(current);
    } catch (error) {
      const next = nextRun(run, current, error);
      if (!next || tries === MAX_STALE) throw error;
      current = next;
    }
  }
};

/** The run that a record stands for. Where that of the first run may have been lost, so is when that began. */
const runOf = ({ started, retry, doubtful }: Extract<Begun, { state: 'run' }>): Run => {
  const { commandId, seed, at, fingerprint } = started;
  const run = { commandId, seed: () => Buffer.from(seed, 'base64'), at, fingerprint, retry };
  return doubtful ? run : { ...run, since: at };
};

const inProgress = () =>
  new DomainError('idempotency_in_progress', 'A request with this Idempotency-Key is still being processed.');
const reused = () =>
  new DomainError('idempotency_key_reused', 'This Idempotency-Key was used for a different request.');
/** The caller asked for protection that cannot be given now. */
const unprotected = () =>
  new DomainError('unavailable', 'The service is temporarily unavailable. Nothing was written.');
/** Only a repetition was allowed, and this is none. Never shown: the caller answers as if the key were unknown. */
export class NotRepeated extends Error {
  override readonly name = 'NotRepeated';
}

/** `logId` and the caller's key make the command's identity; `fingerprintKey` is 32 bytes. */
export const createOnce = (options: {
  readonly idempotency: Idempotency;
  readonly logId: string;
  readonly fingerprintKey: Buffer;
  readonly logger: Pick<Log, 'error'>;
}): Once => {
  const { idempotency, logId, fingerprintKey, logger } = options;
  const report = (doing: string) => (error: unknown) =>
    logger.error(
      { error: error instanceof Error ? error.message : String(error) },
      `idempotency record not ${doing}`,
    );

  const claim = async (commandId: string, fresh: Started) => {
    try {
      return await idempotency.begin(commandId, fresh);
    } catch (error) {
      report('begun')(error);
      throw unprotected();
    }
  };

  return async (request, work, refused) => {
    const commandId = derivedId(logId, request.keyId, request.idempotencyKey);
    const fingerprint = fingerprintOf(fingerprintKey, request);
    const begun = await claim(commandId, {
      commandId,
      fingerprint,
      seed: randomBytes(32).toString('base64'),
      at: request.now,
    });
    if (begun.state === 'in_progress') throw inProgress();
    if (begun.state === 'reused') throw reused();
    if (begun.state === 'finished') return { answer: begun.answer, replayed: true };
    const release = () => idempotency.release(commandId).catch(report('released'));
    if (request.repeatOnly && !begun.retry) {
      await release();
      throw new NotRepeated();
    }
    const run = runOf(begun);
    let ended: Ended;
    try {
      ended = await freshly(run, work);
    } catch (error) {
      const answer = request.repeatOnly ? undefined : refused(error);
      if (!answer) {
        await release();
        throw error;
      }
      ended = { answer, durable: true };
    }
    if (ended.unsettled) await release();
    else
      await idempotency.finish(commandId, ended.answer, { durable: ended.durable }).catch(report('finished'));
    return { answer: ended.answer, replayed: false };
  };
};

const remembered: ReadonlySet<ErrorCode> = new Set([
  'invalid_json',
  'invalid_uri',
  'bad_request',
  'cannot_retry',
  'feature_limit_reached',
  'not_found',
  'rotation_in_progress',
  'validation_failed',
  'cannot_delete',
]);

/** Refusals that the same request would get again. `conflict` is none of them: it says to try again. */
export const isRemembered = (error: unknown): error is DomainError =>
  error instanceof DomainError && remembered.has(error.code);
