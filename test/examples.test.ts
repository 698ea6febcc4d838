// Each acceptance example of the contract stands as a test that names it.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('each of the 52 acceptance examples is the title of a test', () => {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.test.ts'),
  );
  const titles = files.flatMap((name) =>
    [...readFileSync(`test/${name}`, 'utf8').matchAll(/'((?:E\d+(?:, )?)+)(?: \(\d{4}\))?: /g)].map(
      ([, numbers = '']) => numbers,
    ),
  );
  const named = new Set(titles.flatMap((title) => title.split(', ')));
  const wanted = Array.from({ length: 52 }, (_, n) => `E${n + 1}`);
  expect(wanted.filter((example) => !named.has(example))).toEqual([]);
});
