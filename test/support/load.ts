// Writers that press on through faults: every write is tried again under its Idempotency-Key until it is acknowledged.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerProcess } from './server.js';

/** A store that is down is noticed within 5 s; the rest is for a machine that is busy with other things. */
const LONGEST_REFUSAL_MS = 6_500;
/** What goes well may take its time where MongoDB's stand-in does, but never hangs. */
const LONGEST_ANSWER_MS = 15_000;
const PAUSE_MS = 100;
/** Writes are acknowledged within this, at the latest, when there is no fault any more. */
const SETTLES_MS = 60_000;

export type Answer = { readonly status: number; readonly text: string };

export const ask = async (
  { url }: ServerProcess,
  key: string,
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, text: await response.text() };
};

export type Load = {
  /** Name of each acknowledged workspace → the answer. */
  readonly workspaces: ReadonlyMap<string, string>;
  /** `name` of each acknowledged published event. */
  readonly published: ReadonlySet<string>;
  /** What no fault excuses: other statuses than 2xx, 409 and 503, and answers that took too long. */
  readonly violations: readonly string[];
  /** How often each status was answered. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Resolves when so many more writes are acknowledged. Rejects after 60 s. */
  more(writes: number): Promise<void>;
  /** Begins no further write; resolves when those in hand are acknowledged. Rejects after 60 s. */
  stop(): Promise<void>;
  /** Ends at once, whatever becomes of the writes in hand. */
  giveUp(): void;
};

/**
 * Starts the writers. `targets` = the processes that serve the API now. Each write makes a workspace and publishes an
 * event, one after the other, and reads the list now and then.
 */
export const startLoad = (
  targets: () => readonly ServerProcess[],
  key: string,
  { writers = 3, pauseMs = 100 }: { writers?: number; pauseMs?: number } = {},
): Load => {
  const workspaces = new Map<string, string>();
  const published = new Set<string>();
  const violations: string[] = [];
  const statuses = new Map<number, number>();
  let turn = 0;
  let loading = true;
  let givenUp = false;

  /** The answer, or undefined when the process is not there or the answer says to try again. */
  const attempt = async (method: string, path: string, body?: object, headers = {}) => {
    const all = targets();
    const target = all[turn++ % all.length];
    if (!target) return undefined;
    const begun = performance.now();
    const answer = await ask(target, key, method, path, body, headers).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'TimeoutError')
        violations.push(`${method} ${path}: no answer in 30 s`);
      return undefined; // the process was killed
    });
    const ms = performance.now() - begun;
    if (!answer) return undefined;
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (ms > (answer.status === 503 ? LONGEST_REFUSAL_MS : LONGEST_ANSWER_MS))
      violations.push(`${method} ${path}: ${answer.status} after ${Math.round(ms)} ms`);
    if (answer.status < 300) return answer;
    if (answer.status !== 503 && answer.status !== 409)
      violations.push(`${method} ${path}: ${answer.status} ${answer.text}`);
    return undefined;
  };

  const untilAcknowledged = async (path: string, body: object, idempotencyKey: string): Promise<string> => {
    for (; !givenUp; ) {
      const answer = await attempt('POST', path, body, { 'idempotency-key': idempotencyKey });
      if (answer) return answer.text;
      await delay(PAUSE_MS);
    }
    throw new Error('given up');
  };

  const write = async () => {
    const name = `W ${randomUUID()}`;
    workspaces.set(name, await untilAcknowledged('/workspaces', { name }, name.slice(2)));
    const id = `post-${name.slice(2)}`;
    const event = { type: 'post.created', data: { name }, id };
    await untilAcknowledged('/events', event, id);
    published.add(name);
    if (published.size % 5 === 0) await attempt('GET', '/workspaces?per_page=5');
  };
  const running = Array.from({ length: writers }, async () => {
    while (loading) {
      await write();
      await delay(pauseMs);
    }
  });
  for (const one of running) one.catch(() => undefined); // told to whoever waits for it

  return {
    workspaces,
    published,
    violations,
    statuses,
    async more(writes) {
      const enough = published.size + writes;
      const deadline = Date.now() + SETTLES_MS;
      while (published.size < enough) {
        if (Date.now() > deadline)
          throw new Error(`waited in vain for ${writes} writes: ${[...statuses]} ${violations.slice(-3)}`);
        await delay(10);
      }
    },
    async stop() {
      loading = false;
      const late = delay(SETTLES_MS, 'late', { ref: false });
      if ((await Promise.race([Promise.all(running), late])) === 'late')
        throw new Error(`writes are not acknowledged: ${[...statuses]} ${violations.slice(-3)}`);
    },
    giveUp() {
      loading = false;
      givenUp = true;
    },
  };
};
