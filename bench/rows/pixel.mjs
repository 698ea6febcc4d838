// What a hit of the pixel costs the disk, against appends one by one: hits share the write and sync of their batch.
import { setTimeout as delay } from 'node:timers/promises';
import { startCore } from '../lib/core.mjs';
import { alternate } from '../lib/pairs.mjs';
import { load } from '../lib/process.mjs';

/** Seconds that the log has spent in writes and syncs so far. */
const syncSeconds = async ({ url }) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^event_log_sync_duration_seconds_sum (\S+)/m.exec(text)?.[1]);
};

/** Longer than hits wait for others. */
const SETTLE_MS = 1_500;

/** A load, and the seconds that its appends took in place of those that it ran. */
const timed = async (core, request) => {
  const before = await syncSeconds(core);
  const { operations, errors, cpuSeconds } = await load(core, request);
  await delay(SETTLE_MS);
  return { operations, errors, cpuSeconds, seconds: (await syncSeconds(core)) - before };
};

export const run = async (nodeArguments = [], options = {}) => {
  const core = await startCore({ TRUST_PROXY: 'true' }, nodeArguments);
  const headers = { authorization: `Bearer ${core.keys[0]}`, 'content-type': 'application/json' };
  const domains = JSON.stringify({ settings: { domains: ['shop.example'] } });
  await fetch(`${core.url}/api/v1/workspaces/1`, { method: 'PATCH', headers, body: domains });
  const hit = {
    method: 'POST',
    path: '/api/v1/pixel/track',
    keys: [''],
    visitors: true,
    connections: 16,
    seconds: 2,
    body: { event: 'pageview', url: 'https://shop.example/page/{n}', properties: { title: 'A page' } },
    expect: 200,
  };
  const event = {
    method: 'POST',
    path: '/api/v1/events',
    keys: core.keys,
    connections: 1,
    seconds: 1,
    body: { type: 'post.created', data: { url: 'https://shop.example/page/{n}', title: 'A page' } },
    expect: 202,
  };
  const result = await alternate({
    name: 'POST /pixel/track: hits for each second of write and sync',
    target: 10,
    subject: { name: 'hits, in batches', measure: () => timed(core, hit) },
    baseline: { name: 'appends, one by one', measure: () => timed(core, event) },
    ...options,
  });
  await core.stop();
  return [result];
};
