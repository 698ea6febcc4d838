// Reads what vitest has written as JSON: which files failed, and how many tests passed over several runs.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Results by test file; a run that wrote nothing is one failure. */
const filesOf = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults;
  } catch {
    return [{ name: path, status: 'failed', assertionResults: [] }];
  }
};
const failures = ({ status, assertionResults }) =>
  // A file whose set-up failed has no failed test.
  assertionResults.filter((one) => one.status === 'failed').length || Number(status === 'failed');

const [command, ...paths] = process.argv.slice(2);
if (command === 'failed') {
  for (const file of filesOf(paths[0]).filter(failures)) console.log(relative('', file.name));
} else {
  // The first is `npm test`. Of the runs on servers a file that ran again counts as it ended.
  const [main, ...servers] = paths;
  const last = new Map(servers.flatMap(filesOf).map((file) => [file.name, file]));
  const files = [...filesOf(main), ...last.values()];
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const skipped = tests.filter(({ status }) => status === 'skipped' || status === 'pending');
  for (const { fullName } of skipped) console.log(`- skipped: ${fullName}`);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const failed = files.reduce((sum, file) => sum + failures(file), 0);
  console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
  if (failed > 0) process.exitCode = 1;
}
