import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig, settings } from '../src/config.js';
import { rateLimits } from '../src/domain/rate-limits.js';

const faultsOf = (environment: Record<string, string>): string => {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

describe('settings', () => {
  test('need none at all', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      PORT: 3000,
      HOST: '127.0.0.1',
      DATA_DIR: './data',
      ROLES: ['api', 'projections', 'deliveries'],
      LOG_LEVEL: 'info',
      API_DIALECT: '2026',
      TRUST_PROXY: false,
      RATE_LIMIT_ADDRESS_PER_MINUTE: 60,
      WEBHOOK_RETRY_SCHEDULE: [0, 60, 300, 1800, 7200, 86_400],
      WEBHOOK_TIMEOUT_MS: 30_000,
      WEBHOOK_DISABLE_AFTER: 10,
      WEBHOOK_DISABLE_AFTER_SECONDS: 3600,
      WEBHOOK_ALLOW_PRIVATE_TARGETS: false,
      DELIVERY_RETENTION_DAYS: 90,
      USAGE_OVER_LIMIT: 'refuse',
    });
    expect(config.RATE_LIMITS_2026).toEqual(rateLimits[2026]);
    expect(config.RATE_LIMITS_2024).toEqual(rateLimits[2024]);
  });

  test('treat an empty value as none, as compose files write it', () => {
    expect(readConfig({ PORT: '', MONGODB_URL: '', API_DIALECT: '' })).toEqual(readConfig({}));
  });

  test.each([
    ['PORT', '70000', 'PORT must be a whole number from 0 to 65535.'],
    ['PORT', 'http', 'PORT must be a whole number from 0 to 65535.'],
    ['ROLES', 'api,cook', 'ROLES must be a list of api, projections, deliveries.'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent.'],
    ['EVENTSTORE_URL', 'http://x', 'EVENTSTORE_URL must be a URL that begins with esdb:// or'],
    ['MONGODB_URL', 'localhost', 'MONGODB_URL must be a URL that begins with mongodb:// or mongodb+srv://.'],
    ['REDIS_URL', 'redis://', 'REDIS_URL must be a URL that begins with redis:// or rediss://.'],
    ['BOOTSTRAP_API_KEY', 'hunter2', 'BOOTSTRAP_API_KEY must be sk_live_ or sk_test_ and at least 32'],
    ['ENCRYPTION_KEY', 'hunter2', 'ENCRYPTION_KEY must be 32 bytes in base64'],
    ['API_DIALECT', '2025', 'API_DIALECT must be one of 2026, 2024.'],
    ['PUBLIC_URL', 'example.com', 'PUBLIC_URL must be a URL that begins with http:// or https://.'],
    ['TRUST_PROXY', 'nginx', 'TRUST_PROXY must be false, true, a number of hops, or a list'],
    ['RATE_LIMITS_2026', 'gold=7', 'RATE_LIMITS_2026 must be a list such as'],
    ['WEBHOOK_RETRY_SCHEDULE', '0,60,60', 'WEBHOOK_RETRY_SCHEDULE must be in rising order.'],
    ['WEBHOOK_RETRY_SCHEDULE', '0;60', 'WEBHOOK_RETRY_SCHEDULE must be 1 to 20 whole numbers of seconds'],
    ['WEBHOOK_ALLOW_PRIVATE_TARGETS', 'yes', 'WEBHOOK_ALLOW_PRIVATE_TARGETS must be true or false.'],
    ['STORE_PREFIX', 'Über', 'STORE_PREFIX may hold at most 32 lower-case letters'],
  ])('%s=%s is refused in one sentence that names it', (name, value, sentence) => {
    const message = faultsOf({ [name]: value });
    expect(message).toContain(sentence);
    expect(message.split('\n')).toHaveLength(1);
  });

  test('are never repeated in a refusal: they may be secrets', () => {
    const message = faultsOf({
      ENCRYPTION_KEY: 'hunter2',
      BOOTSTRAP_API_KEY: 'hunter2',
      MONGODB_URL: 'hunter2',
    });
    expect(message.split('\n')).toHaveLength(3);
    expect(message).not.toContain('hunter2');
  });

  test('with servers need an encryption key', () => {
    expect(faultsOf({ REDIS_URL: 'redis://localhost' })).toBe(
      'ENCRYPTION_KEY must be set when REDIS_URL is.',
    );
    const ENCRYPTION_KEY = Buffer.alloc(32, 1).toString('base64');
    expect(readConfig({ REDIS_URL: 'redis://localhost', ENCRYPTION_KEY })).toMatchObject({ ENCRYPTION_KEY });
  });

  test('with fewer than all roles name the server that is missing', () => {
    const ENCRYPTION_KEY = Buffer.alloc(32, 1).toString('base64');
    expect(faultsOf({ ROLES: 'api', REDIS_URL: 'redis://localhost', ENCRYPTION_KEY })).toBe(
      'ROLES other than api,projections,deliveries needs all three servers; EVENTSTORE_URL, MONGODB_URL is not set.',
    );
  });

  test.each([
    ['true', true],
    ['2', 2],
    ['loopback,10.0.0.0/8,::1', ['loopback', '10.0.0.0/8', '::1']],
  ])('TRUST_PROXY=%s is understood', (text, expected) => {
    expect(readConfig({ TRUST_PROXY: text }).TRUST_PROXY).toEqual(expected);
  });

  test('rate limits change the tiers that they name and no others', () => {
    const { RATE_LIMITS_2026: minute, RATE_LIMITS_2024: hour } = readConfig({
      RATE_LIMITS_2026: 'pro=8000+30%,free=100',
      RATE_LIMITS_2024: 'enterprise=70000+5',
    });
    expect(minute).toEqual({
      ...rateLimits[2026],
      pro: { limit: 8_000, windowMs: 60_000, ceiling: 10_400 },
      free: { limit: 100, windowMs: 60_000, ceiling: 100 },
    });
    expect(hour.enterprise).toEqual({ limit: 70_000, windowMs: 3_600_000, ceiling: 70_005 });
    expect(hour.free).toEqual(rateLimits[2024].free);
  });

  test('PUBLIC_URL loses its last slash, so that links have one', () => {
    expect(readConfig({ PUBLIC_URL: 'https://api.example.com/' }).PUBLIC_URL).toBe('https://api.example.com');
  });
});

test('.env.example has every setting with its default and meaning', async () => {
  const entries = Object.entries(settings.shape).map(([name, schema]) => {
    const { defaultValue = '' } = schema.def as { defaultValue?: string };
    return `# ${schema.description}\n# ${name}=${defaultValue}\n`;
  });
  const opening =
    '# Every setting with its default and meaning. Copy to .env and change what you need; what stays commented out keeps its default.\n';
  await expect([opening, ...entries].join('\n')).toMatchFileSnapshot('../.env.example');
});
