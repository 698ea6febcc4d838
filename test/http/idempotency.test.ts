// A write with an Idempotency-Key happens once, whatever happens to its answer.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../src/adapters/event-log/port.js';
import { DomainError } from '../../src/domain/errors.js';
import { createOnce } from '../../src/http/idempotency.js';
import type { Answer, Method } from '../../src/http/route.js';
import { sharedServers } from '../servers/shared.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { ask, startFrame, testRoute } from '../support/frame.js';
import { expireRecords } from '../support/stores.js';
import { newTenant, scopedKey } from '../support/tenants.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const post = (
  path: string,
  body: object,
  idempotencyKey: string,
  more: { key?: string; headers?: object } = {},
) =>
  app.call('POST', path, {
    body,
    headers: { 'Idempotency-Key': idempotencyKey, ...more.headers },
    ...(more.key === undefined ? {} : { key: more.key }),
  });
const created = async (work: () => Promise<unknown>) =>
  (await app.appended(work)).filter(({ type }) => type === 'WorkspaceCreated').length;

describe('a repetition', () => {
  test('E43: gives the same answer and makes one workspace', async () => {
    const key = randomUUID();
    let answers: Awaited<ReturnType<typeof post>>[] = [];
    const count = await created(async () => {
      answers = [
        await post('/workspaces', { name: 'Once' }, key),
        await post('/workspaces', { name: 'Once' }, key),
      ];
    });
    const [first, second] = answers;
    expect([first?.status, second?.status, count]).toEqual([201, 201, 1]);
    expect(second?.text).toBe(first?.text);
    expect(second?.headers.get('etag')).toBe(first?.headers.get('etag'));
    expect([first?.headers.get('idempotent-replayed'), second?.headers.get('idempotent-replayed')]).toEqual([
      null,
      'true',
    ]);
    expect(second?.headers.get('x-request-id')).not.toBe(first?.headers.get('x-request-id'));
  });

  test('E43: ten at once make one workspace; the others get its answer or are asked to wait', async () => {
    const key = randomUUID();
    let answers: Awaited<ReturnType<typeof post>>[] = [];
    const count = await created(async () => {
      answers = await Promise.all(
        Array.from({ length: 10 }, () => post('/workspaces', { name: 'Race' }, key)),
      );
    });
    expect(count).toBe(1);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(1);
    for (const { status, body, headers } of answers) {
      if (status === 201) continue;
      expect([status, body.error, headers.get('retry-after')]).toEqual([409, 'idempotency_in_progress', '1']);
    }
  });

  test('E44: of the creation of a key shows the same key', async () => {
    const key = randomUUID();
    const first = await post('/api-keys', { name: 'Shown twice' }, key);
    const second = await post('/api-keys', { name: 'Shown twice' }, key);
    expect(first.body.data.key).toMatch(/^sk_live_/);
    expect(second.text).toBe(first.text);
  });

  test('of a change and of a deletion', async () => {
    const { id } = (await app.call('POST', '/workspaces', { body: { name: 'To change' } })).body.data;
    for (const [method, body, status] of [
      ['PATCH', { name: 'Changed' }, 200],
      ['DELETE', undefined, 204],
    ] as const) {
      const headers = { 'Idempotency-Key': randomUUID() };
      const call = () => app.call(method, `/workspaces/${id}`, { headers, ...(body ? { body } : {}) });
      const [first, second] = [await call(), await call()];
      expect([first.status, second.status, second.text]).toEqual([status, status, first.text]);
      expect(second.headers.get('idempotent-replayed')).toBe('true');
    }
  });

  test('survives a restart, also where nothing was appended', async () => {
    const [made, unchanged, invalid] = [randomUUID(), randomUUID(), randomUUID()];
    const calls = () => [
      post('/workspaces', { name: 'Durable' }, made),
      app.call('PATCH', '/workspaces/1', {
        body: { name: 'Default' },
        headers: { 'Idempotency-Key': unchanged },
      }),
      post('/workspaces', {}, invalid),
    ];
    const before = await Promise.all(calls());
    await app.restart();
    const after = await Promise.all(calls());
    expect(after.map(({ status, text }) => [status, text])).toEqual(
      before.map(({ status, text }) => [status, text]),
    );
    expect(after.map(({ headers }) => headers.get('idempotent-replayed'))).toEqual(['true', 'true', 'true']);
  });

  test('is another command for another key', async () => {
    const other = await scopedKey(app, ['*']);
    const key = randomUUID();
    const count = await created(async () => {
      await post('/workspaces', { name: 'Mine' }, key);
      await post('/workspaces', { name: 'Mine' }, key, { key: other });
    });
    expect(count).toBe(2);
  });

  test('does nothing on reads', async () => {
    const headers = { 'Idempotency-Key': 'x y' };
    expect((await app.call('GET', '/workspaces', { headers })).status).toBe(200);
  });
});

test('of the deletion of the workspace that it is made in gives the same answer; nothing else is done there', async () => {
  const { id } = (await app.call('POST', '/workspaces', { body: { name: 'Gone' } })).body.data;
  const remove = (key: string) =>
    app.call('DELETE', `/workspaces/${id}`, {
      headers: { 'Idempotency-Key': key, 'X-Workspace-ID': String(id) },
    });
  expect((await remove('gone')).status).toBe(204);
  const again = await remove('gone');
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([204, 'true']);
  expect((await remove('other')).status).toBe(404);
  expect((await remove('other')).status).toBe(404);
  const headers = { 'X-Workspace-ID': String(id) };
  expect((await post('/api-keys', { name: 'Late' }, 'late', { headers })).status).toBe(404);
});

test('of the deletion of the key’s own workspace, named as the context, gives the same answer', async () => {
  const { key, workspace } = await newTenant(app);
  await app.call('POST', '/workspaces', { body: { name: 'Second' }, key });
  const headers = { 'Idempotency-Key': 'own', 'X-Workspace-ID': String(workspace) };
  const remove = () => app.call('DELETE', `/workspaces/${workspace}`, { headers, key });
  expect((await remove()).status).toBe(204);
  expect((await remove()).status).toBe(204);
});

describe('another request with the same Idempotency-Key', () => {
  test('422: for another body, path, query, context or dialect', async () => {
    const key = randomUUID();
    const { id } = (await post('/workspaces', { name: 'Original' }, key)).body.data;
    const others = [
      post('/workspaces', { name: 'Other' }, key),
      post('/api-keys', { name: 'Original' }, key),
      post('/workspaces?workspace_id=1', { name: 'Original' }, key),
      post('/workspaces', { name: 'Original' }, key, { headers: { 'X-Workspace-ID': String(id) } }),
      post('/workspaces', { name: 'Original' }, key, { headers: { 'X-API-Dialect': '2024' } }),
    ];
    for (const { status, body } of await Promise.all(others)) {
      expect(status).toBe(422);
      expect(body.error?.code ?? body.error).toMatch(/^idempotency_key_reused$/i);
    }
    expect((await post('/workspaces', { name: 'Original' }, key)).headers.get('idempotent-replayed')).toBe(
      'true',
    );
  });

  test.each(['', 'with space', 'ü', 'x'.repeat(256)])('422 for a key that is none: %j', async (key) => {
    const response = await fetch(`${app.url}/api/v1/workspaces`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.key}`, 'Idempotency-Key': Buffer.from(key).toString('latin1') },
      body: '{"name":"x"}',
    });
    const body = (await response.json()) as { errors: object };
    expect([response.status, Object.keys(body.errors)]).toEqual([422, ['Idempotency-Key']]);
  });
});

describe('an answer', () => {
  const runs = new Map<string, number>();
  /** Counts its runs; refuses as the test says, each time anew. */
  const counted = (name: string, answer: (run: number) => Answer) =>
    testRoute(`/${name}`, async () => {
      const run = (runs.get(name) ?? 0) + 1;
      runs.set(name, run);
      return answer(run);
    });
  const throwing = (error: () => unknown) => () => {
    throw error();
  };

  test('that a repetition would get again is remembered; one that may change is not', async () => {
    const refusals = [
      ['invalid_json', true],
      ['not_found', true],
      ['rotation_in_progress', true],
      ['validation_failed', true],
      ['cannot_delete', true],
      ['cannot_retry', true],
      ['feature_limit_reached', true],
      ['access_denied', false],
      ['unauthorized', false],
      ['conflict', false],
      ['rate_limit_exceeded', false],
      ['unavailable', false],
      ['server_error', false],
    ] as const;
    const routes = refusals.map(([code]) =>
      counted(
        code,
        throwing(() => new DomainError(code, 'No.', { retry_after: 1 })),
      ),
    );
    const failing = counted(
      'failing',
      throwing(() => new Error('bug')),
    );
    const frame = await startFrame(app, [...routes, failing]);
    try {
      for (const [name, remembered] of [...refusals, ['failing', false] as const]) {
        const headers = { 'Idempotency-Key': `refused-${name}` };
        const first = await ask(frame, app.key, `/${name}`, { headers });
        const second = await ask(frame, app.key, `/${name}`, { headers });
        // A conflict is looked into once: the id might be that of a command of long ago. A Redis that has just begun
        // may have lost what it held, so there every run has looked before.
        const expected = remembered ? 1 : name === 'conflict' && !sharedServers() ? 3 : 2;
        expect([name, second.status, runs.get(name)]).toEqual([name, first.status, expected]);
        expect(second.headers.get('idempotent-replayed')).toBe(remembered ? 'true' : null);
        if (remembered) expect(second.text).toBe(first.text);
      }
    } finally {
      await frame.stop();
    }
  });

  test('that was lost after the append is given again: the events are found by their command', async () => {
    const { workspaces } = app.app.commands;
    for (const lost of [new Error('killed'), new LogUnavailable('connection lost', 'unknown')]) {
      let runs = 0;
      const create = testRoute('/create', async (exchange) => {
        const { record, position } = await workspaces.create(
          { name: 'Lost and found', tier: 'free' },
          exchange,
        );
        runs += 1;
        if (runs === 1) throw lost;
        return { status: 201, body: { id: record.number, slug: record.slug }, position };
      });
      const frame = await startFrame(app, [create]);
      const headers = { 'Idempotency-Key': randomUUID() };
      try {
        const count = await created(async () => {
          expect((await ask(frame, app.key, '/create', { headers })).status).toBeGreaterThanOrEqual(500);
          expect((await ask(frame, app.key, '/create', { headers })).status).toBe(201);
        });
        expect([runs, count]).toEqual([2, 1]);
      } finally {
        await frame.stop();
      }
    }
  });

  test('runs with the randomness and the time of the first try', async () => {
    const seen: [string, string, string][] = [];
    const route = testRoute('/seeded', async ({ command }) => {
      seen.push([command.commandId, command.seed().toString('hex'), command.now]);
      if (seen.length === 1) throw new Error('killed');
      return { status: 200, body: {} };
    });
    const frame = await startFrame(app, [route]);
    try {
      const headers = { 'Idempotency-Key': randomUUID() };
      await ask(frame, app.key, '/seeded', { headers });
      await ask(frame, app.key, '/seeded', { headers });
      expect(seen).toHaveLength(2);
      expect(seen[1]).toEqual(seen[0]);
      await ask(frame, app.key, '/seeded', { headers: { 'Idempotency-Key': randomUUID() } });
      expect(seen[2]?.[1]).not.toBe(seen[0]?.[1]);
    } finally {
      await frame.stop();
    }
  });

  test('is looked for since its first run began, and a whole day back where that may have been forgotten', async () => {
    const { idempotency, log } = app.app.stores;
    let doubtful = false;
    const runs: { readonly retry: boolean; readonly since?: string }[] = [];
    const once = createOnce({
      idempotency: {
        ...idempotency,
        async begin(key, fresh) {
          const begun = await idempotency.begin(key, fresh);
          if (begun.state !== 'run') return begun;
          // A store may have doubts of its own: a new Redis looks like one that was emptied.
          const { started } = begun;
          return {
            state: 'run',
            started,
            ...(doubtful ? { retry: true, doubtful } : { retry: runs.length > 0 }),
          };
        },
      },
      logId: log.id,
      fingerprintKey: Buffer.alloc(32),
      logger: { error: () => undefined },
    });
    const failing = testRoute('/failing', async ({ command: { retry, since } }) => {
      runs.push({ retry, ...(since === undefined ? {} : { since }) });
      throw new Error('no answer');
    });
    const frame = await startFrame(app, [failing], { once });
    try {
      const headers = { 'Idempotency-Key': randomUUID() };
      for (let n = 0; n < 2; n++) await ask(frame, app.key, '/failing', { headers });
      const [first, second] = runs.splice(0);
      expect(first).toEqual({ retry: false, since: expect.any(String) });
      expect(second).toEqual({ ...first, retry: true });
      doubtful = true;
      for (let n = 0; n < 2; n++)
        await ask(frame, app.key, '/failing', { headers: { 'Idempotency-Key': 'doubtful' } });
      expect(runs).toEqual([{ retry: true }, { retry: true }]);
    } finally {
      await frame.stop();
    }
  });

  test('is on disk before it is given where nothing in the log would lead to it again', async () => {
    const { idempotency, log } = app.app.stores;
    const finished: boolean[] = [];
    const once = createOnce({
      idempotency: {
        ...idempotency,
        finish(key, answer, options) {
          finished.push(options.durable);
          return idempotency.finish(key, answer, options);
        },
      },
      logId: log.id,
      fingerprintKey: Buffer.alloc(32),
      logger: { error: () => undefined },
    });
    const position = await log.head();
    const answering = (path: string, answer: Answer, method: Method = 'POST') =>
      testRoute(path, async () => answer, { method });
    const frame = await startFrame(
      app,
      [
        answering('/made', { status: 201, body: {}, position }),
        answering('/gone', { status: 204, position }, 'DELETE'),
        answering('/changed', { status: 200, body: {}, position }, 'PATCH'),
        answering('/called', { status: 200, body: {} }),
        testRoute('/refused', async () => {
          throw new DomainError('not_found', 'No.');
        }),
      ],
      { once },
    );
    try {
      for (const [path, method, durable] of [
        ['/made', 'POST', false],
        ['/gone', 'DELETE', false],
        ['/changed', 'PATCH', true],
        ['/called', 'POST', true],
        ['/refused', 'POST', true],
      ] as const) {
        await ask(frame, app.key, path, { method, headers: { 'Idempotency-Key': randomUUID() } });
        expect([path, finished.pop()]).toEqual([path, durable]);
      }
    } finally {
      await frame.stop();
    }
  });

  test('is not given without protection: 503 when the record cannot be written', async () => {
    const once = createOnce({
      idempotency: { ...app.app.stores.idempotency, begin: () => Promise.reject(new Error('disk full')) },
      logId: app.app.stores.log.id,
      fingerprintKey: Buffer.alloc(32),
      logger: { error: () => undefined },
    });
    let runs = 0;
    const route = testRoute('/write', async () => {
      runs += 1;
      return { status: 200, body: {} };
    });
    const frame = await startFrame(app, [route], { once });
    try {
      const { status, body } = await ask(frame, app.key, '/write', { headers: { 'Idempotency-Key': 'k' } });
      expect([status, body.error, runs]).toEqual([503, 'unavailable', 0]);
      expect((await ask(frame, app.key, '/write')).status).toBe(200);
    } finally {
      await frame.stop();
    }
  });
});

test('after 24 hours the same Idempotency-Key is another command', async () => {
  let now = new Date('2026-01-15T10:30:00.000Z');
  const clocked = await startTestApp({}, { now: () => now });
  try {
    const call = () =>
      clocked.call('POST', '/workspaces', {
        body: { name: 'Daily' },
        headers: { 'Idempotency-Key': 'daily' },
      });
    const first = await call();
    now = new Date('2026-01-16T10:31:00.000Z');
    await expireRecords(clocked.dir);
    // The record of the first is gone with its day, and its events are too old to be this command's.
    const second = await call();
    const third = await call();
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.data.id).not.toBe(first.body.data.id);
    expect(third.text).toBe(second.text);
  } finally {
    await clocked.stop();
  }
});

describe('a key that the command itself has ended', () => {
  const dead = '{"error":"unauthorized","message":"Invalid or missing API key."}';
  const keyAndId = async () => {
    const { body } = await app.call('POST', '/api-keys', { body: { name: 'Ending', scopes: ['*'] } });
    return body.data as { id: number; key: string };
  };

  test('may repeat its own revocation, and nothing else', async () => {
    const { id, key } = await keyAndId();
    const revoke = (idempotencyKey: string, path = `/api-keys/${id}`) =>
      app.call('DELETE', path, { key, headers: { 'Idempotency-Key': idempotencyKey } });
    expect((await revoke('end')).status).toBe(204);
    const again = await revoke('end');
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([204, 'true']);
    for (const other of [
      revoke('other'),
      revoke('end', '/api-keys/1'),
      app.call('DELETE', `/api-keys/${id}`, { key }),
      app.call('GET', '/workspaces', { key }),
    ]) {
      const { status, text } = await other;
      expect([status, text]).toEqual([401, dead]);
    }
    // Trying leaves no record that a later try could pass for.
    expect((await revoke('other')).status).toBe(401);
  });

  test('may repeat its own rotation without grace, and sees the new key again', async () => {
    const { id, key } = await keyAndId();
    const rotate = (hours: number) =>
      app.call('POST', `/api-keys/${id}/rotate`, {
        key,
        body: { grace_period_hours: hours },
        headers: { 'Idempotency-Key': 'turn' },
      });
    const first = await rotate(0);
    expect([first.status, first.body.data.key]).toEqual([200, expect.stringMatching(/^sk_live_/)]);
    expect((await app.call('GET', '/workspaces', { key })).status).toBe(401);
    expect((await rotate(0)).text).toBe(first.text);
    expect((await rotate(1)).text).toBe(dead);
  });

  test('may repeat the deletion of its own workspace', async () => {
    const { key, workspace } = await newTenant(app);
    await app.call('POST', '/workspaces', { key, body: { name: 'Another' } });
    const remove = (idempotencyKey: string) =>
      app.call('DELETE', `/workspaces/${workspace}`, { key, headers: { 'Idempotency-Key': idempotencyKey } });
    expect([(await remove('gone')).status, (await remove('gone')).status]).toEqual([204, 204]);
    expect((await remove('other')).text).toBe(dead);
  });

  test('gets no write that it had begun and that somebody else’s revocation cut short', async () => {
    const [victim, other] = [await keyAndId(), await keyAndId()];
    const killed = async () => {
      throw new Error('killed');
    };
    const frame = await startFrame(app, [
      testRoute('/workspaces/:id', killed, { method: 'DELETE', endsKey: 'workspace' }),
      testRoute('/api-keys/:id', killed, { method: 'DELETE', endsKey: 'revoked' }),
    ]);
    const paths = ['/workspaces/1', `/api-keys/${other.id}`];
    const headers = (path: string) => ({ 'Idempotency-Key': `cut${path}` });
    try {
      for (const path of paths)
        expect(
          (await ask(frame, victim.key, path, { method: 'DELETE', headers: headers(path) })).status,
        ).toBe(500);
    } finally {
      await frame.stop();
    }
    await app.call('DELETE', `/api-keys/${victim.id}`);
    for (const path of paths) {
      const { status, text } = await app.call('DELETE', path, { key: victim.key, headers: headers(path) });
      expect([path, status, text]).toEqual([path, 401, dead]);
      expect((await app.call('GET', path)).status).toBe(200);
    }
  });
});
