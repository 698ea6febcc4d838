// A crash at every moment of an atomic batch: afterwards it is done whole or not at all, and its retry answers as if nothing had been.
import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Recorded } from '../../src/domain/decider.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { eventsIn } from '../support/embedded-log.js';
import { ask, losing, startFrame } from '../support/frame.js';

let app: TestApp;
let saved: string;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
  saved = await mkdtemp(join(tmpdir(), 'core-api-saved-'));
});
afterAll(async () => {
  await app.stop();
  await rm(saved, { recursive: true, force: true });
});

const slugs = async (): Promise<string[]> => {
  const { body } = await app.call('GET', '/workspaces?sort=slug&fields=slug');
  return body.data.map(({ slug }: { slug: string }) => slug);
};
/** The events of the records themselves, without those of a second acceptance of the same batch. */
const records = (events: readonly Recorded[]) =>
  events
    .filter(({ type }) => type.startsWith('Workspace'))
    .map(({ stream, type, data }) => [stream, type, data]);

it('is done whole or not at all, wherever the log ends', { timeout: 60_000 }, async () => {
  const { body: one } = await app.call('POST', '/workspaces', { body: { name: 'One', slug: 'one' } });
  const { body: two } = await app.call('POST', '/workspaces', { body: { name: 'Two', slug: 'two' } });
  const before = await slugs();
  const headers = { 'Idempotency-Key': randomUUID() };
  const request = {
    headers,
    body: {
      atomic: true,
      operations: [
        { action: 'update', id: one.data.id, data: { slug: 'first' } },
        { action: 'create', data: { name: 'Three', slug: 'one' } },
        { action: 'create', data: { name: 'Four' } },
        { action: 'delete', id: two.data.id },
      ],
    },
  };

  // The answer is lost, so the request is known as begun and not as done.
  const batchRoute = app.app.routes.find(({ path }) => path === '/workspaces/batch');
  if (!batchRoute) throw new Error('no such route');
  let first = '';
  const head = await app.app.stores.log.head();
  const frame = await startFrame(app, [
    losing(batchRoute, ({ body }) => {
      first = JSON.stringify(body);
    }),
  ]);
  expect((await ask(frame, app.key, '/workspaces/batch', request)).status).toBe(500);
  await frame.stop();
  await app.waitForAll();
  const after = await slugs();
  const written = (await eventsIn(app.app.stores.log)).filter(({ position }) => position > head);
  expect(written.map(({ type }) => type)).toContain('BatchDistributed');

  let left: string[] = [];
  await app.restart({}, async () => cp(app.dir, saved, { recursive: true }));
  left = (await readFile(join(saved, 'events.log'), 'utf8')).split('\n').filter((line) => line !== '');
  const begins = left.findIndex(
    (line) => line.includes('"NumberTaken"') && line.includes(written[0]?.id ?? ''),
  );
  const commits = left.findIndex((line) => line.includes('"BatchAccepted"'));
  expect(begins).toBeGreaterThan(0);
  expect(commits).toBeGreaterThan(begins);

  for (let lines = begins; lines <= left.length; lines++) {
    await app.restart({}, async () => {
      await rm(app.dir, { recursive: true, force: true });
      await cp(saved, app.dir, { recursive: true });
      await writeFile(join(app.dir, 'events.log'), `${left.slice(0, lines).join('\n')}\n`);
    });
    await app.waitForAll();
    expect([lines, await slugs()]).toEqual([lines, lines > commits ? after : before]);
    const again = await app.call('POST', '/workspaces/batch', request);
    expect([lines, again.status]).toEqual([lines, 200]);
    if (lines > commits) expect([lines, again.text]).toEqual([lines, first]);
    await app.waitForAll();
    expect([lines, await slugs()]).toEqual([lines, after]);
    const events = (await eventsIn(app.app.stores.log)).filter(({ position }) => position > head);
    const names = (some: unknown[][]) => some.map((row) => JSON.stringify(row)).toSorted();
    expect([lines, names(records(events))]).toEqual([lines, names(records(written))]);
  }
});
