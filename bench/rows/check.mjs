// GET /entitlements/check, all middleware on, against a bare Express 5 route that answers the same JSON.
import { startCore } from '../lib/core.mjs';
import { alternate } from '../lib/pairs.mjs';
import { load, startScript } from '../lib/process.mjs';

export const run = async (nodeArguments = [], options = {}) => {
  const core = await startCore({}, nodeArguments);
  const path = '/api/v1/entitlements/check?feature=api_calls&quantity=1';
  const answer = await fetch(core.url + path, { headers: { authorization: `Bearer ${core.keys[0]}` } });
  const bare = await startScript('bench/servers/bare-express.mjs', {
    ANSWER: await answer.text(),
    ROUTE: '/api/v1/entitlements/check',
  });
  const request = { method: 'GET', path, keys: core.keys, connections: 32, seconds: 2, expect: 200 };
  const result = await alternate({
    name: 'GET /entitlements/check',
    target: 1,
    subject: { name: 'core-api', measure: () => load(core, request) },
    baseline: { name: 'bare Express 5, same JSON', measure: () => load(bare, request) },
    ...options,
  });
  await Promise.all([core.stop(), bare.stop()]);
  return [result];
};
