// One caller's request through its route: reads with their conditions, writes with their idempotency.
import type { StoredAnswer } from '../adapters/idempotency/port.js';
import type { ReadModels } from '../adapters/read-models/port.js';
import { type CommandContext, newSeed } from '../commands/context.js';
import { DomainError, type ErrorCode } from '../domain/errors.js';
import { newId } from '../domain/ids.js';
import type { Soon } from '../domain/soon.js';
import { noBytes, readBody } from './body.js';
import { unauthorized } from './errors.js';
import { changedSince, etagOf, notModified } from './etag.js';
import { isRemembered, NotRepeated, type Once, type Run, requireIdempotencyKey } from './idempotency.js';
import { keptAnswers, type PersonSeal } from './kept-answers.js';
import { errorReply, type Incoming, noHeaders, type Reply } from './reply.js';
import { type Admitted, exchangeOf, noCommand, type Placed, place } from './request.js';
import type { Answer } from './route.js';
import type { Links } from './target.js';

export type RunDeps = {
  readonly readModels: ReadModels;
  readonly once: Once;
  /** Resolves when the read models have seen `position`, or it took too long. */
  waitFor(position: number): Promise<unknown>;
  /** A client address, readable only as long as the user's key exists. */
  sealAddress(userId: string, ip: string): Soon<string | undefined>;
  readonly personSeal: PersonSeal;
  readonly links: Links;
};

/** Characters of an answer that is kept for a day although it could be made again. */
const MAX_KEPT_BODY = 65_536;

const textOf = (body: object | undefined): string => (body === undefined ? '' : JSON.stringify(body));

const headersOf = ({ headers = {}, revision }: Answer): Record<string, string> =>
  revision === undefined ? { ...headers } : { ...headers, ETag: etagOf(revision) };

const flat = (headers: Readonly<Record<string, string>>): string[] => Object.entries(headers).flat();

const replyOf = ({ status, body, headers }: StoredAnswer, more = noHeaders): Reply => ({
  status,
  body,
  headers: [...flat(headers), ...more],
});

/** What a caller whose key has ended may be told besides the 401. */
const mayPass: ReadonlySet<ErrorCode> = new Set(['unavailable', 'idempotency_in_progress']);

/** Identity of a run; one without an Idempotency-Key has no fingerprint. */
type Command = Omit<Run, 'fingerprint'> & { readonly fingerprint?: string };

const freshCommand = ({ at }: Incoming): Command => ({
  commandId: newId(),
  seed: newSeed(),
  at,
  retry: false,
  since: at,
});

export const createRunner = (deps: RunDeps) => {
  const { readModels, once, waitFor, sealAddress, links } = deps;
  const { toKeep, toShow } = keptAnswers(deps.personSeal);

  const read = async (placed: Placed, bytes: Buffer): Promise<Reply> => {
    const { incoming, bound } = placed.admitted;
    const exchange = exchangeOf(placed, noCommand, bytes, links);
    const answer = await bound.route.handle(exchange);
    const { status, body, content, headers, revision } = answer;
    const tagged = revision === undefined ? noHeaders : ['ETag', etagOf(revision)];
    const all = headers === undefined ? tagged : [...tagged, ...flat(headers)];
    if (revision !== undefined) {
      if (exchange.ifMatch !== undefined && exchange.ifMatch !== revision) throw changedSince();
      const known = incoming.req.headers['if-none-match'];
      if (known !== undefined && !answer.joined && notModified(known, revision))
        return { status: 304, body: '', headers: all };
    }
    if (content) return { status, body: content.bytes, headers: all, type: content.type };
    return { status, body: textOf(body), headers: all };
  };

  const contextOf = (
    { admitted, workspace }: Placed,
    run: Command,
    sealed: string | undefined,
  ): CommandContext => {
    const { caller, incoming } = admitted;
    const context: { -readonly [K in keyof CommandContext]: CommandContext[K] } = {
      commandId: run.commandId,
      retry: run.retry,
      seed: run.seed,
      now: run.at,
      actor: { key: caller.key.id, user: caller.userId },
      audience: [workspace.id],
      requestId: incoming.requestId,
    };
    if (run.since !== undefined) context.since = run.since;
    if (sealed !== undefined) context.ip = sealed;
    if (run.fingerprint !== undefined) context.fingerprint = run.fingerprint;
    return context;
  };

  /** The command itself; waits for the read models, so that what is read next shows it. */
  const write = async (placed: Placed, bytes: Buffer, run: Command) => {
    const { bound, caller, ip } = placed.admitted;
    const { route } = bound;
    const sealing = sealAddress(caller.userId, ip);
    const context = contextOf(placed, run, sealing instanceof Promise ? await sealing : sealing);
    const answer = await route.handle(exchangeOf(placed, context, bytes, links));
    const { status, body, position } = answer;
    if (position !== undefined) await waitFor(position);
    const stored: StoredAnswer = { status, body: textOf(body), headers: headersOf(answer) };
    // A change may have found nothing to change; its position is then an older one.
    const inLog = answer.logged === true || position !== undefined;
    const durable = !inLog || route.method === 'PATCH' || route.method === 'PUT';
    const isLong = answer.repeatable === true && stored.body.length > MAX_KEPT_BODY;
    const unsettled = answer.unsettled === true || isLong;
    return { answer: stored, durable, unsettled, person: answer.person };
  };

  const writeOnce = async (
    placed: Placed,
    bytes: Buffer,
    key: string,
    repeatOnly: boolean,
  ): Promise<Reply> => {
    const { incoming, caller, dialect } = placed.admitted;
    const { req, requestId, at } = incoming;
    const refused = (error: unknown): StoredAnswer | undefined => {
      if (!isRemembered(error)) return undefined;
      const { status, body } = errorReply(error, dialect, {
        requestId,
        scopes: caller.key.scopes,
        upgradeUrl: links.upgrade(req),
      });
      return { status, body, headers: {} };
    };
    const request = {
      method: req.method,
      target: req.originalUrl,
      dialect,
      workspaceId: placed.workspace.id,
      namespaceId: placed.namespace?.id,
      body: bytes,
      keyId: caller.key.id,
      idempotencyKey: requireIdempotencyKey(key),
      now: at,
      repeatOnly,
    };
    const work = async (run: Run) => {
      const { person, ...ended } = await write(placed, bytes, run);
      return { ...ended, answer: await toKeep(ended.answer, person) };
    };
    const { answer, replayed } = await once(request, work, refused);
    return replyOf(await toShow(answer), replayed ? ['Idempotent-Replayed', 'true'] : noHeaders);
  };

  /** The body's bytes; a client that asked whether to send it is told to go on. */
  const bytesOf = ({ incoming: { req, res }, bound: { route }, bytes }: Admitted): Soon<Buffer> =>
    bytes ??
    (req.headers['content-length'] === undefined && req.headers['transfer-encoding'] === undefined
      ? noBytes
      : readBody(req, () => req.headers.expect !== undefined && res.writeContinue(), route.maxBody));

  /** The answer to a deletion that has run before; anything else gets the refusal. */
  const repeatGone = async (admitted: Admitted, key: string, refusal: DomainError): Promise<Reply> => {
    const placed = await place(readModels, admitted, true);
    try {
      return await writeOnce(placed, await bytesOf(admitted), key, true);
    } catch (error) {
      throw error instanceof NotRepeated ? refusal : error;
    }
  };

  return {
    /** The answer to a caller's request. Throws refusals. */
    async run(admitted: Admitted): Promise<Reply> {
      const { incoming, bound } = admitted;
      const key = incoming.req.headers['idempotency-key'];
      let placed: Placed;
      try {
        const placing = place(readModels, admitted);
        placed = placing instanceof Promise ? await placing : placing;
      } catch (error) {
        // The workspace that the request is made in may be the one that it has deleted.
        const repeatable = bound.route.endsKey === 'workspace' && key !== undefined;
        if (repeatable && error instanceof DomainError && error.code === 'not_found')
          return repeatGone(admitted, String(key), error);
        throw error;
      }
      const reading = bytesOf(admitted);
      const bytes = reading instanceof Promise ? await reading : reading;
      // A route without a caller has no commands.
      if (!bound.isWrite || bound.route.scope === 'none') return read(placed, bytes);
      if (key !== undefined) return writeOnce(placed, bytes, String(key), false);
      return replyOf((await write(placed, bytes, freshCommand(incoming))).answer);
    },

    /** For a key that has ended: the answer to the very command that ended it; anything else is the usual 401. */
    async repeat(admitted: Admitted): Promise<Reply> {
      try {
        const placed = await place(readModels, admitted, true);
        const bytes = await bytesOf(admitted);
        const key = String(admitted.incoming.req.headers['idempotency-key']);
        return await writeOnce(placed, bytes, key, true);
      } catch (error) {
        const passes =
          error instanceof DomainError ? mayPass.has(error.code) : !(error instanceof NotRepeated);
        throw passes ? error : unauthorized(false);
      }
    },
  };
};
export type Runner = ReturnType<typeof createRunner>;
