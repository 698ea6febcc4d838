// `npm run bench [-- row…]`: each figure as a ratio to a baseline measured in the same run, alternating with it.
// Rows: get, post, append, pixel, usage, check (the default six); usage-meters (a second baseline for usage); start (absolute
// figures, reported only); doctored (checks the bench itself); servers (on EventStoreDB, MongoDB and Redis, by their URLs;
// --dry: little, and no figures).
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { printPairs } from './lib/pairs.mjs';

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const rows = wanted.length > 0 ? wanted : ['get', 'post', 'append', 'pixel', 'usage', 'check'];
const results = [];

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}. Ratios count; absolute figures only describe this machine.`,
);
for (const row of rows) {
  const { run } = await import(`./rows/${row}.mjs`);
  for (const result of await run()) {
    results.push(result);
    printPairs(result);
  }
}

mkdirSync('bench/results', { recursive: true });
const file = `bench/results/${new Date().toISOString().replaceAll(':', '-')}.json`;
writeFileSync(
  file,
  `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, at: new Date().toISOString(), results }, null, 2)}\n`,
);
console.log(`\nWritten to ${file}`);
process.exitCode = results.some(({ failed }) => failed) ? 1 : 0;
