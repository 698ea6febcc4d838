// Absolute addresses in answers: where whoever asks reaches this server, whatever port and host it was told to take.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { raw } from '../support/raw.js';

const MUCH = '1000000000';
const check = `/entitlements/check?feature=posts&quantity=${MUCH}`;

/** A key of a workspace that has a limit, and of its user. */
const limited = async (app: TestApp): Promise<string> =>
  (await app.app.bootstrap.mintKey({ email: 'ada@example.com', scopes: ['*'] })).key;

let app: TestApp;
let key: string;
beforeAll(async () => {
  app = await startTestApp();
  key = await limited(app);
});
afterAll(() => app.stop());

/** The first answer to a request with these lines of its own, as a client of such a name or proxy would send them. */
const asked = async (to: TestApp, by: string, lines: readonly string[], target: string, version = '1.1') => {
  const head = [
    `GET ${target} HTTP/${version}`,
    ...lines,
    `Authorization: Bearer ${by}`,
    'Connection: close',
    '',
    '',
  ];
  const [answer] = await raw(to.url, head.join('\r\n'));
  return answer?.body ?? '';
};
const upgradeUrl = async (to: TestApp, by: string, lines: readonly string[], version?: string) =>
  JSON.parse(await asked(to, by, lines, `/api/v1${check}`, version)).upgrade_url;

describe('upgrade_url', () => {
  const over = { feature: 'posts', quantity: Number(MUCH) };

  test('leads to the documentation on the port that was really taken, wherever a limit is told of', async () => {
    const docs = `${app.url}/docs`;
    expect((await app.call('GET', check, { key })).body.upgrade_url).toBe(docs);
    expect((await app.call('GET', '/entitlements/check?feature=none', { key })).body.upgrade_url).toBe(docs);
    expect(await app.call('POST', '/entitlements/usage', { key, body: over })).toMatchObject({
      status: 403,
      body: { error: 'feature_limit_reached', upgrade_url: docs },
    });
    const once = { key, body: over, headers: { 'Idempotency-Key': 'once' } };
    for (let n = 0; n < 2; n++)
      expect((await app.call('POST', '/entitlements/usage', once)).body.upgrade_url).toBe(docs);
    expect((await fetch(docs)).status).toBe(200);
  });

  test('is the same in a batch, and in what a tool of the MCP server answers', async () => {
    const create = (n: number) => ({
      action: 'create',
      data: { url: `https://example.com/${n}`, events: ['post.created'] },
    });
    const operations = Array.from({ length: 6 }, (_, n) => create(n));
    const { body } = await app.call('POST', '/webhooks/batch', { key, body: { operations } });
    expect(body.data.at(-1)).toMatchObject({ status: 403, upgrade_url: `${app.url}/docs` });
    const response = await fetch(`${app.url}/mcp`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({
        ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
        params: { name: 'check_entitlement', arguments: over },
      }),
    });
    expect(await response.text()).toContain(`${app.url}/docs`);
  });

  test('has the host that the client has asked for; one that is none is not repeated', async () => {
    expect(await upgradeUrl(app, key, ['Host: api.example.org:8080'])).toBe(
      'http://api.example.org:8080/docs',
    );
    expect(await upgradeUrl(app, key, ['Host: [::1]:3000'])).toBe('http://[::1]:3000/docs');
    expect(await upgradeUrl(app, key, ['Host: a"><script>'])).toBe(`${app.url}/docs`);
  });

  test('without a Host, as HTTP/1.0 allows, has the address that the connection came in on', async () => {
    expect(await upgradeUrl(app, key, [], '1.0')).toBe(`${app.url}/docs`);
  });

  test('goes by a proxy only where it is trusted', async () => {
    const forwarded = ['Host: inner:3000', 'X-Forwarded-Host: api.example.com', 'X-Forwarded-Proto: https'];
    expect(await upgradeUrl(app, key, forwarded)).toBe('http://inner:3000/docs');
    const trusting = await startTestApp({ TRUST_PROXY: 'loopback' });
    try {
      expect(await upgradeUrl(trusting, await limited(trusting), forwarded)).toBe(
        'https://api.example.com/docs',
      );
    } finally {
      await trusting.stop();
    }
  });

  test('is what the settings say, whatever the request does', async () => {
    const named = await startTestApp({ PUBLIC_URL: 'https://api.example.com/core/' });
    try {
      const by = await limited(named);
      expect(await upgradeUrl(named, by, ['Host: other'])).toBe('https://api.example.com/core/docs');
      await named.restart({ UPGRADE_URL: 'https://example.com/buy' });
      expect(await upgradeUrl(named, by, ['Host: other'])).toBe('https://example.com/buy');
    } finally {
      await named.stop();
    }
  });
});

describe('the documentation page', () => {
  test('has examples that go to where it was asked for', async () => {
    const page = await (await fetch(`${app.url}/docs`)).text();
    expect(page).toContain(`curl &#39;${app.url}/api/v1/workspaces&#39;`);
    const elsewhere = await asked(app, key, ['Host: api.example.org'], '/docs');
    expect(elsewhere).toContain('curl &#39;http://api.example.org/api/v1/workspaces&#39;');
    expect(elsewhere).not.toContain(app.url);
  });
});
