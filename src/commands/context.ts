// What a command run carries besides its input: identity, time, randomness, and who asked.
import { createHmac, randomBytes } from 'node:crypto';
import { type Actor, instantOf, type Metadata } from '../domain/decider.js';
import { derivedId, newId } from '../domain/ids.js';

/** One run of one command. A retry under the same idempotency key has the same `commandId`, `seed` and `now`. */
export type CommandContext = {
  /** UUID; streams that the command creates are named after it. */
  readonly commandId: string;
  /** True when an earlier run may have appended: look for its events before deciding. */
  readonly retry: boolean;
  /** 32 bytes from which all randomness of the run is derived: the same at each call. */
  readonly seed: () => Buffer;
  /** Instant of the first run (ISO, ms). Events are stamped when appended, not with this. */
  readonly now: string;
  /** Nothing of this command can have been appended before this instant; undefined = within the last 24 h. */
  readonly since?: string;
  readonly actor: Actor;
  /** Workspaces that see the events besides the subject's own: the request's context. */
  readonly audience: readonly string[];
  readonly requestId?: string;
  readonly fingerprint?: string;
  readonly ip?: string;
  /** Id of the event that made a reactor issue this command. */
  readonly causationId?: string;
  readonly correlationId?: string;
};

/** A seed that is drawn when it is asked for: few commands need any randomness. */
export const newSeed = (): CommandContext['seed'] => {
  let drawn: Buffer | undefined;
  return () => {
    drawn ??= randomBytes(32);
    return drawn;
  };
};

/** A context for the system itself: reactors pass a derived `commandId`, so doing it twice does it once. */
export const systemContext = (
  system: string,
  options: {
    commandId?: string;
    causationId?: string;
    correlationId?: string;
    now?: string;
    audience?: readonly string[];
  } = {},
): CommandContext => ({
  commandId: options.commandId ?? newId(),
  retry: options.commandId !== undefined,
  seed: newSeed(),
  now: options.now ?? new Date().toISOString(),
  actor: { system },
  audience: options.audience ?? [],
  ...(options.causationId === undefined ? {} : { causationId: options.causationId }),
  ...(options.correlationId === undefined ? {} : { correlationId: options.correlationId }),
});

/** Id of the n-th thing a command makes: the same on every run of it. */
export const idFor = (context: CommandContext, label: string): string => derivedId(context.commandId, label);

/** Random bytes of a run, the same on a retry: HMAC-SHA-256(seed, label), at most 32 bytes. */
export const randomFor = (context: CommandContext, label: string): Buffer =>
  createHmac('sha256', context.seed()).update(label).digest();

/** Metadata of the events of one run, told to those whom the run is told to unless others are named. */
export const metadataFor = (
  context: CommandContext,
  subject: string | undefined,
  at: Date,
  audience = context.audience,
): Metadata => {
  const { actor, commandId, causationId, requestId, fingerprint, ip } = context;
  const correlationId = context.correlationId ?? requestId ?? commandId;
  const seenBy = subject === undefined || audience.includes(subject) ? audience : [subject, ...audience];
  const metadata: { -readonly [K in keyof Metadata]: Metadata[K] } = {
    at: instantOf(at),
    audience: seenBy,
    actor,
    commandId,
    correlationId,
  };
  if (causationId !== undefined) metadata.causationId = causationId;
  if (requestId !== undefined) metadata.requestId = requestId;
  if (fingerprint !== undefined) metadata.fingerprint = fingerprint;
  if (ip !== undefined) metadata.ip = ip;
  return metadata;
};
