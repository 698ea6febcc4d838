// POST /entitlements/usage, durable, 64 in flight, on one hot meter and on 1,000, against Emmett in memory on Express 5.
import { largeCatalogue } from '../lib/catalogue.mjs';
import { startCore } from '../lib/core.mjs';
import { alternate } from '../lib/pairs.mjs';
import { load, loadFresh } from '../lib/process.mjs';

const meters = [
  ['one hot meter', 'posts'],
  ['1,000 meters', 'f{m}'],
];
const everyRecord = { name: 'Emmett in memory, a stream for each record', target: 3, env: {} };

/** `baseline`: how Emmett keeps the records; `target`: ratio that is wanted against it. */
export const runAgainst = async ({ name: baseline, target, env }, nodeArguments = [], options = {}) => {
  const results = [];
  for (const [name, feature] of meters) {
    const catalogue = largeCatalogue();
    const core = await startCore({ CATALOGUE_FILE: catalogue.file }, nodeArguments);
    const request = {
      method: 'POST',
      path: '/api/v1/entitlements/usage',
      keys: core.keys,
      connections: 64,
      seconds: 2,
      body: { feature, quantity: 1 },
      expect: 200,
    };
    results.push(
      await alternate({
        name: `POST /entitlements/usage, ${name}, on disk, 64 in flight`,
        target,
        subject: { name: 'core-api, synced', measure: () => load(core, request) },
        baseline: { name: baseline, measure: () => loadFresh('bench/servers/emmett.mjs', request, env) },
        ...options,
      }),
    );
    await core.stop();
    catalogue.remove();
  }
  return results;
};

export const run = (nodeArguments = [], options = {}) => runAgainst(everyRecord, nodeArguments, options);
