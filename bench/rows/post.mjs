// POST /workspaces with Idempotency-Key, durable, 64 in flight, against Emmett in memory on Express 5.
import { startCore } from '../lib/core.mjs';
import { alternate } from '../lib/pairs.mjs';
import { load, loadFresh } from '../lib/process.mjs';

export const run = async (nodeArguments = [], options = {}) => {
  const core = await startCore({}, nodeArguments);
  const request = {
    method: 'POST',
    path: '/api/v1/workspaces',
    keys: core.keys,
    connections: 64,
    seconds: 2,
    body: { name: 'Bench {n}' },
    idempotent: true,
    expect: 201,
  };
  const result = await alternate({
    name: 'POST /workspaces, Idempotency-Key, on disk, 64 in flight',
    target: 1,
    subject: { name: 'core-api, synced', measure: () => load(core, request) },
    baseline: {
      name: 'Emmett in memory, Express 5',
      measure: () => loadFresh('bench/servers/emmett.mjs', request),
    },
    ...options,
  });
  await core.stop();
  return [result];
};
