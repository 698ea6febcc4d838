// The connections to EventStoreDB: one client each for commands, for following and for long scans; and bounded waiting.
import { EventStoreDBClient } from '@eventstore/db-client';
import { LogUnavailable } from './port.js';

/** How long to wait, in ms. A server that is down or frozen is noticed within the longest of them. */
export type Limits = {
  /** For the answer to an append or the next event of a read. */
  readonly callMs: number;
  /** Silence on a subscription after which the server is asked whether it is there. */
  readonly silenceMs: number;
  /** For that answer. */
  readonly probeMs: number;
};
const defaultLimits: Limits = { callMs: 4_000, silenceMs: 1_000, probeMs: 3_000 };

export type Report = {
  info(message: string, details?: object): void;
  warn(message: string, details: object): void;
};

export type ConnectionOptions = {
  /** `esdb://[user:password@]host:port[,host:port…][?tls=false&…]`, as EventStoreDB documents it. */
  readonly url: string;
  /** Put before the names of all streams. */
  readonly prefix?: string;
  readonly report: Report;
  readonly limits?: Partial<Limits>;
};

export type Connection = {
  readonly prefix: string;
  readonly limits: Limits;
  readonly report: Report;
  readonly commands: EventStoreDBClient;
  readonly follow: EventStoreDBClient;
  readonly scan: EventStoreDBClient;
  close(): Promise<void>;
};

/** What the client understands in a URL. Anything else it would print together with the URL, password and all. */
const knownOptions = new Set(
  [
    ...['connectionName', 'defaultDeadline', 'discoveryInterval', 'gossipTimeout', 'keepAliveInterval'],
    ...['keepAliveTimeout', 'maxDiscoverAttempts', 'nodePreference', 'throwOnAppendFailure', 'tls'],
    ...['tlsCAFile', 'tlsVerifyCert', 'userCertFile', 'userKeyFile'],
  ].map((name) => name.toLowerCase()),
);

/** The URL as the client takes it: scheme, and query without what has no effect. Throws a sentence without secrets. */
const clientUrl = (url: string, report: Report): { base: string; query: string[] } => {
  const [base = '', text = ''] = url.trim().split(/\?(?=[A-Za-z_-]+=)(.*)/s, 2);
  const query = text.split('&').filter((part) => part !== '');
  const nameOf = (part: string) => part.slice(0, part.indexOf('=')).toLowerCase().replace(/[_-]/g, '');
  for (const part of query) {
    const name = nameOf(part);
    if (!knownOptions.has(name)) throw new Error(`EVENTSTORE_URL has an option that is not known: ${name}.`);
    if (name === 'tlsverifycert' && part.endsWith('=false'))
      report.warn(
        'EVENTSTORE_URL: tlsVerifyCert=false has no effect; name the authority with tlsCAFile.',
        {},
      );
  }
  return {
    base: base.replace(/^kurrentdb/, 'esdb'),
    query: query.filter((part) => nameOf(part) !== 'tlsverifycert'),
  };
};

/** The client warns of anything shorter; silence is noticed sooner by asking (see Limits). */
const KEEP_ALIVE_MS = 10_000;

/** Clients with equal options share one connection of 100 streams; another interval means a connection of its own. */
const client = (base: string, query: readonly string[], apart: number): EventStoreDBClient => {
  const own = [`keepAliveInterval=${KEEP_ALIVE_MS + apart}`, 'keepAliveTimeout=4000'];
  try {
    return EventStoreDBClient.connectionString(`${base}?${[...query, ...own].join('&')}`);
  } catch (error) {
    // The parser's error holds the whole URL, so it goes no further.
    if (!(error instanceof Error) || 'connectionString' in error)
      throw new Error('EVENTSTORE_URL is no connection string such as esdb://localhost:2113?tls=false.');
    throw new Error(`EVENTSTORE_URL: ${error.message}`);
  }
};

/** A server that does not answer may keep the client waiting on closing, but not for longer. */
const DISPOSE_MS = 1_000;

/** Prepares the connections; nothing is sent yet. Throws a sentence that names EVENTSTORE_URL or STORE_PREFIX. */
export const connect = ({ url, prefix = '', report, limits }: ConnectionOptions): Connection => {
  if (!/^[A-Za-z0-9_.]*$/.test(prefix))
    throw new Error('STORE_PREFIX may hold only letters, digits, underscores and dots.');
  const { base, query } = clientUrl(url, report);
  const [commands, follow, scan] = [client(base, query, 0), client(base, query, 1), client(base, query, 2)];
  return {
    prefix,
    limits: { ...defaultLimits, ...limits },
    report,
    commands,
    follow,
    scan,
    async close() {
      const disposed = Promise.all([commands, follow, scan].map((one) => one.dispose()));
      await within(disposed, DISPOSE_MS, 'closing').catch(() => undefined);
    },
  };
};

/** The promise, or LogUnavailable when it takes longer than `ms`. */
export const within = async <T>(promise: Promise<T>, ms: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate(what, ms)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

export const tooLate = (what: string, ms: number, fate: LogUnavailable['fate'] = 'not_written') =>
  new LogUnavailable(`EventStoreDB: no answer to ${what} within ${ms} ms.`, fate);
