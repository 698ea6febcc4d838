// The catalogue file at start: read where it can be, refused in one sentence where it cannot.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPlans } from '../src/app/plans.js';
import { buildApp } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { createLogger } from '../src/logger.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'core-api-plans-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const written = async (text: string) => {
  const file = join(dir, 'catalogue.json');
  await writeFile(file, text);
  return file;
};

test('the example of the documentation is a catalogue', async () => {
  const page = await readFile('docs/catalogue.md', 'utf8');
  const [, example = ''] = /```json\n([\s\S]+?)```/.exec(page) ?? [];
  const plans = loadPlans(await written(example));
  expect([...plans.features.keys()]).toContain('exports');
  expect(plans.tiers.enterprise.code).toBe('plus');
});

test.each([
  ['no file', undefined, /^CATALOGUE_FILE \S+: cannot be read \(ENOENT\)\.$/],
  ['no JSON', '{\n"a": v\n', /^CATALOGUE_FILE \S+: is not valid JSON \(.+\)\.$/],
  ['no catalogue', '{}', /^CATALOGUE_FILE \S+: features: expected array, received undefined\.$/],
])('with %s the server does not start, and holds nothing', async (_, text, sentence) => {
  const file = text === undefined ? join(dir, 'missing.json') : await written(text);
  const config = readConfig({ DATA_DIR: join(dir, 'data'), CATALOGUE_FILE: file });
  const { logger } = createLogger('silent');
  await expect(buildApp(config, logger)).rejects.toThrow(sentence);
  const app = await buildApp(readConfig({ DATA_DIR: join(dir, 'data') }), logger);
  await app.stop();
});
