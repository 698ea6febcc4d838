// Hints over Redis: who hears what, and what becomes of them while the server is away.
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { Hints, Positions } from '../../src/adapters/hints/port.js';
import { openRedisHints } from '../../src/adapters/hints/redis.js';
import { reports } from '../servers/expectations.js';
import { startLocalRedis } from '../servers/redis.js';
import { shared } from '../servers/shared.js';

const server = shared('redis');
const opened: Hints[] = [];

const open = async (url: string, logId: string, prefix = '') => {
  const hints = await openRedisHints({ url, prefix, report: reports().report, logId });
  opened.push(hints);
  const heard: Positions[] = [];
  hints.hear((positions) => heard.push(positions));
  return { hints, heard };
};
/** Tells until somebody has heard it: a listener takes a moment to be there. */
const told = async (hints: Hints, positions: Positions, heard: Positions[]) => {
  while (heard.length === 0) {
    hints.tell(positions);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

describe.skipIf('skipped' in server)('hints over Redis', () => {
  const url = 'url' in server ? server.url : '';
  afterEach(async () => {
    for (const hints of opened.splice(0)) await hints.close();
  });

  test('are heard by the other processes of the same log, not by whoever tells them', async () => {
    const log = randomUUID();
    const [one, two] = [await open(url, log), await open(url, log)];
    const [stranger, neighbour] = [await open(url, randomUUID()), await open(url, log, 'other_')];
    await told(one.hints, { rows: 7 }, two.heard);
    expect(two.heard[0]).toEqual({ rows: 7 });
    expect([one.heard, stranger.heard, neighbour.heard]).toEqual([[], [], []]);
  });

  test('go out together when they come together, the last of each', async () => {
    const log = randomUUID();
    const [one, two] = [await open(url, log), await open(url, log)];
    await told(one.hints, { rows: 1 }, two.heard);
    await new Promise((resolve) => setTimeout(resolve, 20));
    two.heard.length = 0;
    for (const rows of [2, 3, 4]) one.hints.tell({ rows });
    one.hints.tell({ others: 9 });
    while (two.heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(two.heard).toEqual([{ rows: 4, others: 9 }]);
  });
});

const broken = await startLocalRedis();
describe.skipIf('skipped' in broken)('hints over a Redis that goes away', () => {
  if ('skipped' in broken) return;

  test('are lost meanwhile, without a word, and heard again afterwards', async () => {
    const log = randomUUID();
    const [one, two] = [await open(broken.url, log), await open(broken.url, log)];
    await told(one.hints, { rows: 1 }, two.heard);
    await broken.kill();
    one.hints.tell({ rows: 2 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    two.heard.length = 0;
    await broken.start();
    await told(one.hints, { rows: 3 }, two.heard);
    expect(two.heard[0]).toEqual({ rows: 3 });
    for (const hints of opened.splice(0)) await hints.close();
    await broken.stop();
  });
});
