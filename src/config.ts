// Every setting: name, default, meaning. The only reader of process.env.
import { existsSync } from 'node:fs';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { rateLimits, withLimits } from './domain/rate-limits.js';

export const roles = ['api', 'projections', 'deliveries'] as const;
export type Role = (typeof roles)[number];

/** The settings do not make sense; the message has one sentence for each fault. Never holds a value: it may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

// Sentences go after the setting's name.
const whole = (least: number, most: number) => {
  const sentence = `must be a whole number from ${least} to ${most}.`;
  return z
    .string()
    .regex(/^\d{1,15}$/, sentence)
    .transform(Number)
    .refine((number) => number >= least && number <= most, sentence);
};
const flag = z.enum(['true', 'false'], 'must be true or false.').transform((text) => text === 'true');
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, `must be one of ${values.join(', ')}.`);
const address = (...schemes: string[]) =>
  z
    .string()
    .refine(
      (text) => schemes.some((scheme) => text.startsWith(`${scheme}://`) && text.length > scheme.length + 3),
      {
        error: `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}.`,
      },
    );
const webAddress = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be a URL that begins with http:// or https://.',
  )
  .transform((text) => text.replace(/\/+$/, ''));
const encryptionKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{43}=?$/, 'must be 32 bytes in base64, as `openssl rand -base64 32` prints them.');
const apiKey = z
  .string()
  .regex(
    /^sk_(?:live|test)_[A-Za-z0-9]{32,}$/,
    'must be sk_live_ or sk_test_ and at least 32 letters and digits.',
  );
const roleList = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim()))
  .pipe(z.array(z.enum(roles), { error: 'x' }).min(1))
  .transform((names) => [...new Set(names)]);
const retrySchedule = z
  .string()
  .regex(
    /^\d{1,7}(?:\s*,\s*\d{1,7}){0,19}$/,
    'must be 1 to 20 whole numbers of seconds, separated by commas.',
  )
  .transform((text) => text.split(',').map(Number))
  .refine(
    (times) => times.every((time, n) => n === 0 || time > (times[n - 1] ?? 0)),
    'must be in rising order.',
  );

const nets = ['loopback', 'linklocal', 'uniquelocal'];
const isNet = (text: string) => nets.includes(text) || ipaddr.isValidCIDR(text) || ipaddr.isValid(text);
/** false = nobody, true = everybody, a number of hops, or addresses, networks and the three words above. */
const trustProxy = z.string().transform((text, context): boolean | number | string[] => {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const list = text.split(',').map((part) => part.trim());
  if (list.every(isNet)) return list;
  context.addIssue('must be false, true, a number of hops, or a list of addresses and networks.');
  return z.NEVER;
});
const limits = (dialect: '2026' | '2024') =>
  z.string().transform((text, context) => {
    const table = withLimits(rateLimits[dialect], text);
    if (table) return table;
    context.addIssue('must be a list such as free=100,pro=8000+30%,enterprise=unlimited.');
    return z.NEVER;
  });

/** Setting → how its text is read. `.prefault` is the default, `.describe` the meaning; .env.example repeats both. */
export const settings = z.object({
  PORT: whole(0, 65_535).prefault('3000').describe('Port to listen on; 0 picks a free one.'),
  HOST: z.string().prefault('127.0.0.1').describe('Address to listen on; 0.0.0.0 listens on all of them.'),
  DATA_DIR: z
    .string()
    .prefault('./data')
    .describe(
      'Folder of the event log and of everything else that is kept; not used when all three servers are set.',
    ),
  ROLES: roleList
    .prefault('api,projections,deliveries')
    .describe('What this process does; another one may do the rest. Fewer than all need the three servers.'),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .describe('Least level that is logged, to standard output, one JSON object a line.'),
  EVENTSTORE_URL: address('esdb', 'esdb+discover', 'kurrentdb', 'kurrentdb+discover')
    .optional()
    .describe('EventStoreDB to keep the event log in, instead of a file.'),
  MONGODB_URL: address('mongodb', 'mongodb+srv')
    .optional()
    .describe('MongoDB to keep the read models in, instead of memory.'),
  REDIS_URL: address('redis', 'rediss')
    .optional()
    .describe('Redis for deliveries, rate limits and idempotency, instead of this process.'),
  STORE_PREFIX: z
    .string()
    .regex(/^[a-z0-9_]{0,32}$/, 'may hold at most 32 lower-case letters, digits and underscores.')
    .prefault('')
    .describe(
      'Put before the names of streams, databases and keys, so that several installations share servers.',
    ),
  BOOTSTRAP_API_KEY: apiKey
    .optional()
    .describe('The first API key, made when the log is empty. Without it one is made up and printed once.'),
  ENCRYPTION_KEY: encryptionKey
    .optional()
    .describe(
      '32 bytes in base64 that seal secrets. Without it a key file is made in DATA_DIR; with servers it must be set.',
    ),
  API_DIALECT: oneOf(['2026', '2024'])
    .prefault('2026')
    .describe('Dialect of the API where neither the request nor its key names one.'),
  PUBLIC_URL: webAddress
    .optional()
    .describe('Address under which clients reach this server, for links. Without it the request tells.'),
  UPGRADE_URL: webAddress
    .optional()
    .describe('Where a customer can buy a higher limit. Without it the documentation page.'),
  TRUST_PROXY: trustProxy
    .prefault('false')
    .describe('Whose X-Forwarded-* headers count: false, true, a number of hops, or addresses and networks.'),
  RATE_LIMIT_ADDRESS_PER_MINUTE: whole(1, 1_000_000)
    .prefault('60')
    .describe('Requests a minute without a valid key, per client address.'),
  RATE_LIMITS_2026: limits('2026')
    .prefault(
      'free=60,starter=1000+20%,pro=5000+30%,agency=20000+50%,business=20000+50%,enterprise=100000+100%',
    )
    .describe(
      'Requests a minute by tier, with the burst on top, in the dialect 2026. Tiers left out keep their default.',
    ),
  RATE_LIMITS_2024: limits('2024')
    .prefault(
      'free=1000+50,starter=1000+50,pro=10000+200,agency=50000+500,business=50000+500,enterprise=unlimited',
    )
    .describe(
      'Requests an hour by tier, with the burst on top, in the dialect 2024. Tiers left out keep their default.',
    ),
  WEBHOOK_RETRY_SCHEDULE: retrySchedule
    .prefault('0,60,300,1800,7200,86400')
    .describe('Seconds after its creation at which a delivery is attempted.'),
  WEBHOOK_TIMEOUT_MS: whole(1, 300_000)
    .prefault('30000')
    .describe('Milliseconds that a receiver has to answer.'),
  WEBHOOK_CONCURRENCY: whole(1, 10_000)
    .prefault('500')
    .describe(
      'Deliveries under way at once. Endpoints that take a second or more get one each, of half of these places; others wait only while endpoints that have just stopped answering hold the rest.',
    ),
  WEBHOOK_ENDPOINT_CONCURRENCY: whole(1, 1_000)
    .prefault('5')
    .describe('Deliveries under way at once to one endpoint.'),
  WEBHOOK_DISABLE_AFTER: whole(1, 1_000_000)
    .prefault('10')
    .describe('Failed attempts in a row after which an endpoint is disabled.'),
  WEBHOOK_DISABLE_AFTER_SECONDS: whole(0, 31_536_000)
    .prefault('3600')
    .describe('The first of those attempts must be at least this old.'),
  WEBHOOK_ALLOW_PRIVATE_TARGETS: flag
    .prefault('false')
    .describe('Lets webhooks go to http and private addresses. For development and tests only.'),
  DELIVERY_RETENTION_DAYS: whole(1, 36_500)
    .prefault('90')
    .describe(
      'Days after which a finished delivery is no longer shown; a day later its row goes. The events stay.',
    ),
  USAGE_OVER_LIMIT: oneOf(['refuse', 'record'])
    .prefault('refuse')
    .describe('What happens to usage over a limit: refuse answers 403, record counts it and says so.'),
  CATALOGUE_FILE: z
    .string()
    .optional()
    .describe(
      'JSON file with the features, packages and tiers to sell, instead of the built-in ones; docs/catalogue.md says how.',
    ),
  MCP_CONFIG: z.string().optional().describe('File that names MCP servers, in the usual mcpServers form.'),
  MCP_TIMEOUT_MS: whole(1, 600_000)
    .prefault('30000')
    .describe('Milliseconds that a tool of an MCP server has to answer.'),
  MCP_FILES_DIR: z
    .string()
    .optional()
    .describe(
      'Folder of the built-in filesystem server, shared by all processes. Without it a folder in DATA_DIR.',
    ),
});
/** All settings, read and checked. */
export type Config = z.output<typeof settings>;

const servers = ['EVENTSTORE_URL', 'MONGODB_URL', 'REDIS_URL'] as const;
export type ServerSetting = (typeof servers)[number];

/** The servers that are not set: what they would keep is kept by this process, in memory or in DATA_DIR. */
export const missingServers = (config: Pick<Config, ServerSetting>): ServerSetting[] =>
  servers.filter((name) => config[name] === undefined);

/** What no setting can say alone. */
const faultsBetween = (config: Config): string[] => {
  const missing = missingServers(config);
  const given = servers.filter((name) => config[name] !== undefined);
  const faults: string[] = [];
  if (config.ROLES.length < roles.length && missing.length > 0)
    faults.push(
      `ROLES other than ${roles.join(',')} needs all three servers; ${missing.join(', ')} is not set.`,
    );
  if (given.length > 0 && config.ENCRYPTION_KEY === undefined)
    faults.push(`ENCRYPTION_KEY must be set when ${given.join(', ')} is.`);
  return faults;
};

const sentenceOf = ({ path, message }: z.core.$ZodIssue): string =>
  path[0] === 'ROLES' ? `ROLES must be a list of ${roles.join(', ')}.` : `${String(path[0])} ${message}`;

/** Reads the settings from the environment. An empty value counts as not given. Throws ConfigError. */
export const readConfig = (environment: Readonly<Record<string, string | undefined>>): Config => {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = settings.safeParse(given);
  const faults = parsed.success
    ? faultsBetween(parsed.data)
    : [...new Set(parsed.error.issues.map(sentenceOf))];
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults.join('\n'));
  return parsed.data;
};

/** The settings of this process; a file `.env` in the working folder adds what the environment does not say. */
export const loadConfig = (): Config => {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return readConfig(process.env);
};
