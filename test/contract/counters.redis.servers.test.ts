// The counters in Redis: the common contract, several processes, and a server that fails.
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { openRedisCounters } from '../../src/adapters/counters/redis.js';
import { expectUnavailable, onceAvailable, reports } from '../servers/expectations.js';
import { startLocalRedis } from '../servers/redis.js';
import { shared } from '../servers/shared.js';
import { countersContract } from './counters.js';

const server = shared('redis');
const broken = await startLocalRedis(['--requirepass', 'secret']);
afterAll(async () => {
  if (!('skipped' in broken)) await broken.stop();
});

const urlOf = (found: typeof server) => ('skipped' in found ? '' : found.url);
const withPassword = (password: string) => urlOf(broken).replace('redis://', `redis://:${password}@`);
const open = (url = urlOf(server), prefix = `${randomUUID()}:`, { report } = reports()) =>
  openRedisCounters({ url, prefix, report, nameKey: Buffer.alloc(32, 'name') });

const minute = 60_000;
const windows = [{ windowMs: minute, ceiling: 120 }];

describe.skipIf('skipped' in server)('Redis', () => {
  countersContract(
    'Redis',
    async () => {
      const counters = await open();
      return { counters, dispose: () => counters.close() };
    },
    { runs: 30 },
  );

  test('of 200 hits at once from two processes exactly as many as the ceiling are admitted', async () => {
    const prefix = `${randomUUID()}:`;
    const [one, two] = await Promise.all([open(urlOf(server), prefix), open(urlOf(server), prefix)]);
    const hits = Array.from({ length: 200 }, (_, at) =>
      (at % 2 ? one : two).hit('key', windows, 0, 1_000_000 + at),
    );
    expect((await Promise.all(hits)).filter(({ admitted }) => admitted)).toHaveLength(120);
    await Promise.all([one.close(), two.close()]);
  });

  test('an idle key is gone when its longest window is over, and scripts may be forgotten at any time', async () => {
    const prefix = `${randomUUID()}:`;
    const counters = await open(urlOf(server), prefix);
    const redis = new Redis(urlOf(server));
    await counters.hit('key', windows, 0, Date.now());
    await redis.script('FLUSH');
    expect((await counters.hit('key', windows, 0, Date.now())).usage).toMatchObject([{ used: 2 }]);
    const keys = await redis.keys(`${prefix}*`);
    expect(keys).toHaveLength(1);
    expect(keys[0], 'a key may be an address: it does not stand there').not.toContain(':key');
    const left = await redis.pttl(keys[0] ?? '');
    expect(left).toBeGreaterThan(minute);
    expect(left).toBeLessThanOrEqual((minute * 241) / 240);
    redis.disconnect();
    await counters.close();
  });
});

describe.skipIf('skipped' in broken)('Redis, broken', () => {
  test('a wrong URL, a wrong password and a missing one are refused in a sentence naming REDIS_URL', async () => {
    await expect(open('http://localhost')).rejects.toThrow(/^REDIS_URL is not a URL/);
    const refused = 'REDIS_URL: the server refused the user or the password.';
    await expect(open(withPassword('wrong'))).rejects.toThrow(refused);
    await expect(open(urlOf(broken))).rejects.toThrow(refused);
  });

  test('hits fail within 5 s while the server is killed or frozen, and count again once it is back', async () => {
    if ('skipped' in broken) return;
    const heard = reports();
    const counters = await open(withPassword('secret'), undefined, heard);
    const hit = () => counters.hit('key', windows, 0, Date.now());
    expect(await hit()).toMatchObject({ admitted: true, usage: [{ used: 1 }] });
    await broken.kill();
    await expectUnavailable(hit);
    await vi.waitFor(() => expect(heard.sentences).toHaveLength(1));
    await broken.start();
    expect(await onceAvailable(hit)).toMatchObject({ admitted: true });
    await broken.freeze();
    await expectUnavailable(hit);
    const noticed = performance.now();
    for (let n = 0; n < 10; n++) await expectUnavailable(hit);
    expect(performance.now() - noticed, 'nobody waits a second time').toBeLessThan(1_000);
    broken.thaw();
    expect(await onceAvailable(hit)).toMatchObject({ admitted: true });
    const once = expect.stringMatching(/^REDIS_URL: the server cannot be reached/);
    expect(heard.sentences, 'each outage is told once').toEqual([once, once]);
    await counters.close();
  });

  test('a server that starts after the process is used as soon as it is there', async () => {
    if ('skipped' in broken) return;
    await broken.kill();
    const heard = reports();
    const counters = await open(withPassword('secret'), undefined, heard);
    expect(heard.sentences).toHaveLength(1);
    const hit = () => counters.hit('key', windows, 0, Date.now());
    await expectUnavailable(hit);
    await broken.start();
    expect(await onceAvailable(hit)).toMatchObject({ usage: [{ used: 1 }] });
    await counters.close();
  });
});
