// One connection to a server: made when first needed, shared by all calls, made anew after it broke, ever more slowly.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { failureOf, tooLarge, unreachable } from './answers.js';
import { TOO_LARGE } from './bounded-fetch.js';
import { ToolError } from './port.js';

export type Notes = {
  info(message: string, details?: object): void;
  warn(message: string, details: object): void;
};

export type ConnectionDeps = {
  readonly id: string;
  /** A new way to the server, not yet started. */
  readonly transport: () => Transport;
  /** Milliseconds for the first exchange with a server that was just started. */
  readonly connectMs: number;
  readonly report: Notes;
};

export type Connection = {
  /** Works with the connected client. Throws ToolError `unreachable` when there is no connection. */
  use<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /** Forgets the connection of a client, which the server does not know any more; calls that it has taken go on. */
  renew(client: Client | undefined): void;
  /** A call got no answer: whether the server answers at all is found out, and if not, it is given up. */
  suspect(): void;
  close(): Promise<void>;
};

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 30_000;
const PING_MS = 2_000;
/** A process that writes so many lines which are no messages is not a server. */
const MAX_GARBAGE = 1_000;

/** Code or kind of what went wrong beneath; never its words, which may hold what the server was given. */
const reasonOf = ({ cause }: ToolError): { reason?: string } => {
  if (!(cause instanceof Error)) return {};
  const { code } = (cause.cause ?? cause) as { code?: unknown };
  return { reason: code === undefined ? cause.name : String(code) };
};

type Live = {
  readonly client: Client;
  readonly ready: Promise<void>;
  /** Rejects once the connection is of no use any more. */
  readonly broken: Promise<never>;
  fail(error: ToolError): void;
  /** Calls under way. */
  calls: number;
};

export const connection = ({ id, transport, connectMs, report }: ConnectionDeps): Connection => {
  let live: Live | undefined;
  let failures = 0;
  let notBefore = 0;
  let closed = false;
  const all = new Set<Live>();
  const closing = new Set<Promise<unknown>>();

  /** The next connection waits: not after the first failure, then longer each time. */
  const waitLonger = () => {
    failures += 1;
    const wait = failures === 1 ? 0 : Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 2));
    notBefore = performance.now() + wait;
  };

  /** For calls under way: whatever they were to do may have been done. */
  const brokenOff = () => new ToolError('failed', `The MCP server ${id} broke off the call.`);

  const end = (ended: Live, error: ToolError) => {
    ended.fail(error);
    if (live === ended) live = undefined;
    if (!all.delete(ended)) return;
    const ending = ended.client.close().catch(() => undefined);
    closing.add(ending);
    void ending.then(() => closing.delete(ending));
  };

  const drop = (dropped: Live, error: ToolError) => {
    if (live === dropped && !closed) {
      waitLonger();
      report.warn('an MCP server was lost', { server: id, error: error.message, ...reasonOf(error) });
    }
    end(dropped, error);
  };

  const open = (): Live => {
    const client = new Client({ name: 'core-api', version: '1.0.0' });
    let fail: (error: ToolError) => void = () => undefined;
    const broken = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    broken.catch(() => undefined); // also when nobody waits
    let garbage = 0;
    client.onerror = (error) => {
      if (error.message.includes('exceeded maximum size') || error.message.includes(TOO_LARGE))
        return drop(opened, tooLarge(id));
      // Programs print notes to their standard output by mistake; messages go on between them.
      garbage += error.name === 'SyntaxError' || error.name === 'ZodError' ? 1 : 0;
      if (garbage > MAX_GARBAGE)
        drop(opened, new ToolError('failed', `The MCP server ${id} writes what is no message.`));
    };
    client.onclose = () => drop(opened, brokenOff());
    const ready = client.connect(transport(), { timeout: connectMs });
    const opened: Live = { client, ready, broken, fail, calls: 0 };
    all.add(opened);
    ready.then(
      () => report.info('connected to an MCP server', { server: id }),
      (error: unknown) => drop(opened, unreachable(id, error)),
    );
    return opened;
  };

  const connected = async (opened: Live): Promise<Client> => {
    await Promise.race([opened.ready, opened.broken]).catch((error: unknown) => {
      throw unreachable(id, error);
    });
    return opened.client;
  };

  return {
    async use(work) {
      if (closed || (!live && performance.now() < notBefore)) throw unreachable(id);
      live ??= open();
      const opened = live;
      opened.calls += 1;
      try {
        const result = await Promise.race([work(await connected(opened)), opened.broken]);
        failures = 0;
        return result;
      } finally {
        opened.calls -= 1;
        if (live !== opened && opened.calls === 0) end(opened, brokenOff());
      }
    },
    renew(client) {
      const left = live?.client === client ? live : undefined;
      if (!left) return; // another call has found out before
      live = undefined;
      if (left.calls === 0) end(left, brokenOff());
    },
    suspect() {
      const suspected = live;
      suspected?.client.ping({ timeout: PING_MS }).catch((error: unknown) => {
        drop(suspected, failureOf(id, error));
      });
    },
    async close() {
      closed = true;
      for (const one of all) end(one, brokenOff());
      await Promise.all(closing);
    },
  };
};
