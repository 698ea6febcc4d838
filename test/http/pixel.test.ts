import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Hit } from '../../src/domain/pixel.js';
import { type Called, startTestApp, type TestApp } from '../support/api.js';
import { startReceiver } from '../support/receiver.js';
import { command } from '../support/tenancy.js';
import { newTenant } from '../support/tenants.js';

let app: TestApp;
/** Each test comes from an address of its own, so that none uses up another's limit. */
let address = 0;
beforeAll(async () => {
  app = await startTestApp({ TRUST_PROXY: 'true', WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
});
afterAll(() => app.stop());
beforeEach(() => {
  address += 1;
});

const legacy = { 'X-API-Dialect': '2024' };
type Sending = { body?: unknown; headers?: Record<string, string> };
const call = (method: string, path: string, { body, headers = {} }: Sending = {}) =>
  app.call(method, path, {
    key: null,
    body,
    headers: { 'X-Forwarded-For': `192.0.2.${address}`, ...headers },
  });
/** As the reference sends it, but for the page. */
const hit = (url: string) => ({
  event: 'pageview',
  url,
  referrer: 'https://google.com',
  user_agent: 'Mozilla/5.0',
  properties: { title: 'Page Title' },
});
const track = (body: object, headers?: Record<string, string>) =>
  call('POST', '/pixel/track', { body, ...(headers ? { headers } : {}) });
/** What got into the log, once everything that was taken in is there. */
const hits = async (work: () => Promise<unknown>): Promise<Hit[]> => {
  const events = await app.appended(async () => {
    await work();
    await app.app.commands.pixel.flush();
  });
  return events.filter(({ type }) => type === 'PixelTracked').map(({ data }) => data as Hit);
};
const errorsOf = ({ body }: Called) => Object.keys(body.errors ?? body.error.details);

const ownerOf = async (number: number): Promise<string | undefined> => {
  const where = [{ field: 'number', op: 'eq', value: number } as const];
  return (await app.app.stores.readModels.find('workspaces', { where }))[0]?.id;
};

let domains = 0;
const newSite = async (settings: object = {}) => {
  domains += 1;
  const domain = `shop${domains}.example`;
  const body = { name: `Shop ${randomUUID()}`, settings: { domains: [domain], ...settings } };
  const { data } = (await app.call('POST', '/workspaces', { body })).body;
  const read = await app.call('GET', `/workspaces/${data.id}?fields=pixel_key`);
  expect(Object.keys(read.body.data)).toEqual(['pixel_key']);
  return {
    id: data.id as number,
    domain,
    page: `https://${domain}/page`,
    key: read.body.data.pixel_key as string,
  };
};

describe('POST /pixel/track', () => {
  test('E39: takes a hit for the workspace that has registered the domain', async () => {
    const { page, id } = await newSite();
    const found = await hits(async () => {
      for (const dialect of [{}, legacy]) {
        const { status, body } = await track(hit(page), dialect);
        expect([status, body]).toEqual([200, { tracked: true }]);
      }
    });
    const { body } = await app.call('GET', `/workspaces/${id}`, { headers: legacy });
    const kept = {
      workspaceId: expect.any(String),
      event: 'pageview',
      url: page,
      referrer: 'https://google.com/',
      device: 'desktop',
      properties: { title: 'Page Title' },
      trackedAt: expect.stringMatching(/Z$/),
    };
    expect(found).toEqual([kept, kept]);
    const workspace = await app.app.stores.readModels.get('workspaces', found[0]?.workspaceId ?? '');
    expect(workspace).toMatchObject({ number: id, name: body.data.name });
  });

  test('finds the workspace by pixel_key on any page, and by the Origin of a page before what the body says', async () => {
    const [mine, other] = [await newSite(), await newSite()];
    const owners = await hits(async () => {
      await track({ ...hit('https://elsewhere.example/'), pixel_key: mine.key });
      await track({ ...hit(other.page), pixel_key: mine.key });
      await track(hit(mine.page), { origin: `https://${other.domain}` });
      await track(hit(mine.page), { origin: 'null' });
      await track({ ...hit(mine.page), pixel_key: 'px_nonsense' });
      await track(hit(mine.page.replace('shop', 'SHOP')));
    });
    const ids = [await ownerOf(mine.id), await ownerOf(other.id)];
    expect(owners.map(({ workspaceId }) => ids.indexOf(workspaceId))).toEqual([0, 0, 1, 0, 0, 0]);
  });

  test('answers the same, and counts nothing, for what is nobody’s', async () => {
    const { page, key, domain } = await newSite({ pixel: { enabled: false } });
    const found = await hits(async () => {
      for (const body of [
        hit('https://unknown.example/'),
        hit(`https://sub.${domain}/`),
        hit(page),
        { ...hit(page), pixel_key: key },
        { ...hit('https://unknown.example/'), pixel_key: `px_${'0'.repeat(26)}` },
      ])
        expect((await track(body)).body).toEqual({ tracked: true });
    });
    expect(found).toEqual([]);
  });

  test('counts nothing for a visitor who does not want to be tracked', async () => {
    const { page } = await newSite();
    const found = await hits(async () => {
      for (const headers of [{ dnt: '1' }, { 'sec-gpc': '1' }, { dnt: '0' }])
        expect((await track(hit(page), headers)).body).toEqual({ tracked: true });
    });
    expect(found).toHaveLength(1);
  });

  test('keeps neither the address nor the user agent of a visitor, anywhere', async () => {
    const { page } = await newSite();
    const agent = 'Mozilla/5.0 (iPhone; secret-model) Mobile';
    const { user_agent: _, ...rest } = hit(page);
    const found = await app.appended(async () => {
      await track(rest, { 'user-agent': agent, 'X-Forwarded-For': '198.51.100.77' });
      await app.app.commands.pixel.flush();
    });
    expect(found.map(({ data }) => (data as Hit).device)).toEqual(['mobile']);
    expect(JSON.stringify(found)).not.toMatch(/secret-model|198\.51\.100\.77/);
  });

  test('takes the text that sendBeacon sends, and an Authorization header that means nothing', async () => {
    const { page } = await newSite();
    const found = await hits(async () => {
      const headers = { 'content-type': 'text/plain;charset=UTF-8', authorization: 'Bearer nonsense' };
      expect((await call('POST', '/pixel/track', { body: JSON.stringify(hit(page)), headers })).status).toBe(
        200,
      );
    });
    expect(found).toHaveLength(1);
  });

  const good = hit('https://a.example/');
  const refused: [body: object, field: string][] = [
    [{ ...good, event: undefined }, 'event'],
    [{ ...good, event: '' }, 'event'],
    [{ ...good, event: 'x'.repeat(101) }, 'event'],
    [{ ...good, url: undefined }, 'url'],
    [{ ...good, url: '/page' }, 'url'],
    [{ ...good, url: 'javascript:alert(1)' }, 'url'],
    [{ ...good, url: `https://a.example/${'x'.repeat(8_192)}` }, 'url'],
    [{ ...good, referrer: 5 }, 'referrer'],
    [{ ...good, referrer: 'x'.repeat(8_193) }, 'referrer'],
    [{ ...good, user_agent: null }, 'user_agent'],
    [{ ...good, properties: [] }, 'properties'],
    [{ ...good, properties: { text: 'x'.repeat(16_384) } }, 'properties'],
    [{ ...good, properties: { a: '\u0000' } }, 'properties.a'],
    [{ ...good, properties: { constructor: 1 } }, 'properties.constructor'],
    [{ ...good, pixel_key: 1 }, 'pixel_key'],
    [{ ...good, visitor: 'x' }, 'visitor'],
  ];
  test.each(refused)('refuses what is wrong (case %#)', async (body, field) => {
    for (const headers of [{}, legacy]) {
      const answer = await track(body, headers);
      expect([answer.status, errorsOf(answer)]).toEqual([422, [field]]);
      expect(answer.headers.get('vary')).toContain('Origin');
    }
  });
  test('refuses endless nesting, a key that means something to JavaScript, and a body of 1 MB', async () => {
    const raw = async (properties: string) =>
      call('POST', '/pixel/track', {
        body: `{"event":"a","url":"https://a.example/","properties":${properties}}`,
      });
    expect((await raw(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`)).status).toBe(422);
    expect(errorsOf(await raw('{"__proto__":{"x":1}}'))).toEqual(['properties.__proto__']);
    const large = await raw(`{"text":"${'x'.repeat(1_000_000)}"}`);
    expect([large.status, large.body]).toEqual([
      413,
      { error: 'payload_too_large', message: 'The request body may not be larger than 64 KiB.' },
    ]);
    expect((await track(good)).status).toBe(200);
  });

  test('E39: takes 300 in a minute from one address; config has 300 of its own', async () => {
    const { page } = await newSite();
    const answers = await Promise.all(Array.from({ length: 301 }, () => track(hit(page))));
    const statuses = answers.map(({ status }) => status);
    expect([statuses.filter((status) => status === 200).length, statuses.at(-1)]).toEqual([300, 429]);
    const [last] = answers.slice(-1);
    expect(last?.body).toMatchObject({ error: 'rate_limit_exceeded', limit: 300, remaining: 0 });
    const told = await track(hit(page), { ...legacy, origin: 'https://shop.example' });
    expect([told.status, told.body.error.code, told.headers.get('access-control-allow-origin')]).toEqual([
      429,
      'RATE_LIMIT_EXCEEDED',
      'https://shop.example',
    ]);
    const config = await call('GET', '/pixel/config');
    expect([config.status, config.headers.get('x-ratelimit-remaining')]).toEqual([200, '299']);
    address += 1;
    expect((await track(hit(page))).status).toBe(200);
  });

  test('is told to endpoints that name it, and not to those that take everything', async () => {
    const receiver = await startReceiver();
    const { page, id } = await newSite();
    const headers = { 'X-Workspace-ID': String(id) };
    const hook = async (events: string[], more = {}) =>
      app.call('POST', '/webhooks', {
        body: { url: receiver.url, events },
        headers: { ...headers, ...more },
      });
    await hook(['pixel.tracked']);
    await hook(['pixel.*'], legacy);
    await hook(['*']);
    await hits(() => track(hit(page)));
    await app.call('POST', '/events', { body: { type: 'post.created', data: {} }, headers });
    const sent = (await receiver.waitFor(3)).map(({ body }) => JSON.parse(body));
    const told = sent.filter(({ type }) => type === 'pixel.tracked');
    const data = {
      event: 'pageview',
      url: page,
      referrer: 'https://google.com/',
      device: 'desktop',
      properties: { title: 'Page Title' },
      tracked_at: expect.stringMatching(/^\d{4}-.*\d\dZ$/),
    };
    expect(told.map((body) => body.data).sort((left) => ('object' in left ? 1 : -1))).toEqual([
      data,
      { object: { id: told[0].id, type: 'pixel', attributes: data } },
    ]);
    expect(sent.filter(({ type }) => type !== 'pixel.tracked')).toMatchObject([{ type: 'post.created' }]);
    await receiver.stop();
  });

  test('is in the log after a clean stop', async () => {
    const { page } = await newSite();
    const before = await app.app.stores.log.head();
    await track({ ...hit(page), event: 'last' });
    await app.restart();
    const found: unknown[] = [];
    for await (const { type, data } of app.app.stores.log.readAll(before))
      if (type === 'PixelTracked') found.push((data as Hit).event);
    expect(found).toEqual(['last']);
  });
});

describe('GET /pixel/config', () => {
  const all = { enabled: true, features: { pageviews: true, events: true, sessions: true }, sample_rate: 1 };
  test('E39: says what the pixel does for the domain of the page', async () => {
    const { domain, key } = await newSite({ pixel: { enabled: false } });
    expect((await call('GET', '/pixel/config')).body).toEqual(all);
    for (const headers of [{ origin: `https://${domain}` }, { referer: `https://${domain}/a` }, legacy])
      expect((await call('GET', '/pixel/config', { headers })).body).toEqual({
        ...all,
        enabled: headers === legacy,
      });
    expect((await call('GET', `/pixel/config?pixel_key=${key}`)).body.enabled).toBe(false);
    expect(
      (await call('GET', '/pixel/config', { headers: { origin: 'https://unknown.example' } })).body,
    ).toEqual(all);
  });
});

describe('GET /pixel/{key}.gif', () => {
  test('is an image that nobody keeps, and a hit of the page that shows it', async () => {
    const { key, page } = await newSite();
    const found = await hits(async () => {
      const shown = await call('GET', `/pixel/${key}.gif`, { headers: { referer: page } });
      expect([shown.status, shown.headers.get('content-type'), shown.headers.get('cache-control')]).toEqual([
        200,
        'image/gif',
        'no-store',
      ]);
      expect(shown.text.slice(0, 6)).toBe('GIF89a');
      expect(shown.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
      const mail = `/pixel/${key}.gif?event=open&url=${encodeURIComponent('https://a.example/mail?id=7')}&_=1`;
      expect((await call('GET', mail)).status).toBe(200);
    });
    expect(found.map(({ event, url }) => [event, url])).toEqual([
      ['pageview', page],
      ['open', 'https://a.example/mail?id=7'],
    ]);
  });
  test('is shown too, and no hit, where the page or the key is not known, or tracking is not wanted', async () => {
    const { key, page } = await newSite();
    const found = await hits(async () => {
      const answers = [
        await call('GET', `/pixel/${key}.gif`),
        await call('GET', '/pixel/px_nonsense.gif?url=https://unknown.example/'),
        await call('GET', `/pixel/${key}.gif`, { headers: { referer: page, dnt: '1' } }),
        await call('GET', `/pixel/${key}.gif`, { headers: { referer: 'about:blank' } }),
      ];
      for (const { status } of answers) expect(status).toBe(200);
    });
    expect(found).toEqual([]);
    expect((await call('GET', `/pixel/${key}.gif?url=nonsense`)).status).toBe(422);
  });
});

test('GET /pixel.js is a script under 2 KB that caches may keep', async () => {
  const { status, headers, text } = await call('GET', '/pixel.js');
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
    200,
    'text/javascript; charset=utf-8',
    'public, max-age=3600',
  ]);
  expect(Buffer.byteLength(text)).toBeLessThan(2_000);
  expect(() => new Function(text)).not.toThrow();
});

describe('the settings of a workspace', () => {
  const settings = (id: number, value: object, headers = {}) =>
    app.call('PATCH', `/workspaces/${id}`, { body: { settings: value }, headers });
  test.each([
    [{ domains: 'a.example' }, 'settings.domains'],
    [{ domains: null }, 'settings.domains'],
    [{ domains: ['https://a.example'] }, 'settings.domains.0'],
    [{ domains: ['a.example', 7] }, 'settings.domains.1'],
    [{ domains: Array.from({ length: 51 }, (_, n) => `a${n}.example`) }, 'settings.domains'],
    [{ pixel: { enabled: 'no' } }, 'settings.pixel.enabled'],
    [{ pixel: { enable: false } }, 'settings.pixel.enable'],
    [{ pixel: false }, 'settings.pixel'],
  ])('%j are refused', async (value, field) => {
    for (const headers of [{}, legacy]) {
      const answer = await settings(1, value, headers);
      expect([answer.status, errorsOf(answer)]).toEqual([422, [field]]);
    }
  });

  test('may not name a domain of another workspace; it is free again when that one gives it up', async () => {
    const mine = await newSite();
    const stranger = await newTenant(app);
    const take = (headers = {}) =>
      app.call('PATCH', `/workspaces/${stranger.workspace}`, {
        key: stranger.key,
        headers,
        body: { settings: { domains: [mine.domain.toUpperCase()] } },
      });
    for (const headers of [{}, legacy]) {
      const answer = await take(headers);
      expect([answer.status, errorsOf(answer)]).toEqual([422, ['settings.domains']]);
    }
    const create = { name: 'Thief', settings: { domains: [mine.domain] } };
    expect((await app.call('POST', '/workspaces', { key: stranger.key, body: create })).status).toBe(422);
    expect((await settings(mine.id, { domains: [mine.domain, 'more.example'] })).status).toBe(200);
    expect((await settings(mine.id, { domains: [] })).status).toBe(200);
    expect((await take()).status).toBe(200);
    expect((await settings(mine.id, { domains: [mine.domain] })).status).toBe(422);
    await hits(async () => {
      const [found] = await hits(() => track(hit(mine.page)));
      expect(found?.workspaceId).toBe(await ownerOf(stranger.workspace));
    });
  });

  test('are gone with the workspace: its domain is free, and its key counts nothing', async () => {
    const { id, domain, page, key } = await newSite();
    expect((await app.call('DELETE', `/workspaces/${id}`)).status).toBe(204);
    expect(await hits(() => track({ ...hit(page), pixel_key: key }))).toEqual([]);
    expect((await settings(1, { domains: [domain] })).status).toBe(200);
    expect(await hits(() => track({ ...hit(page), pixel_key: key }))).toHaveLength(1);
    expect((await settings(1, { domains: [] })).status).toBe(200);
  });

  test('of two that name a domain at once, the first in the log has it', async () => {
    const { app: running } = app;
    const { workspaces } = running.commands;
    const ids = await Promise.all(
      [newSite(), newSite()].map(async (site) => (await ownerOf((await site).id)) ?? ''),
    );
    const changes = { settings: { domains: ['both.example'] } };
    for (const id of ids) {
      const { state } = await workspaces.streams.load(id);
      const userId = state.record?.members[0]?.userId ?? '';
      const caller = { userId, home: { tier: 'pro' as const } };
      await workspaces.update(id, changes, { command: command(), caller, holds: () => true });
    }
    await app.waitForAll();
    const [found] = await hits(() => track(hit('https://both.example/')));
    expect(found?.workspaceId).toBe(ids[0]);
  });

  test('a create that is sent again with its Idempotency-Key is not refused for its own domain', async () => {
    const body = { name: 'Again', settings: { domains: ['again.example'] } };
    const headers = { 'Idempotency-Key': randomUUID() };
    const first = await app.call('POST', '/workspaces', { body, headers });
    expect((await app.call('POST', '/workspaces', { body, headers })).text).toBe(first.text);
  });
});
