// Lists: paging, filters, sorting, sparse fields and includes.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';

let app: TestApp;
let now = new Date('2026-01-15T10:30:00.000Z');

type Item = { id: number; name: string; slug: string; tier: string; created_at: string };
/** Created in this order, at these instants. */
const made: Item[] = [];
const names = ['acme one', 'Acme Two', 'zeta', 'École', 'a.*b', '100% [$ne]', 'ab'];

beforeAll(async () => {
  app = await startTestApp({}, { now: () => now });
  for (let n = 0; n < 59; n++) {
    // Spread over two months; some share an instant, some have a part of a second.
    now = new Date(Date.UTC(2026, 0, 1 + Math.floor(n / 2), 10, 30, 0, n % 3 === 0 ? 999 : 0));
    const body = { name: `${names[n % names.length]}`, tier: n % 2 ? 'pro' : 'free' };
    const { body: answer } = await app.call('POST', '/workspaces', { body });
    made.push(answer.data);
  }
  now = new Date('2026-03-01T00:00:00.000Z');
});
afterAll(() => app.stop());

const list = async (query: string, headers = {}) => {
  const { status, body, text } = await app.call('GET', `/workspaces?${query}`, { headers });
  if (status !== 200) throw new Error(`${status} ${text}`);
  return body as {
    data: Item[];
    meta: Record<string, number | null>;
    links: Record<'first' | 'last' | 'prev' | 'next', string | null>;
  };
};
const refused = async (query: string) => {
  const { status, body } = await app.call('GET', `/workspaces?${query}`);
  return {
    status,
    fields: Object.keys(body.errors ?? {}),
    sentences: Object.values(body.errors ?? {}).flat(),
  };
};
const ids = (items: readonly { id: number }[]) => items.map(({ id }) => id);

describe('pages', () => {
  test('E3: 25 items, first page, no previous one', async () => {
    const { data, meta, links } = await list('');
    expect(data).toHaveLength(25);
    expect(meta).toEqual({ current_page: 1, from: 1, last_page: 3, per_page: 25, to: 25, total: 60 });
    expect(links).toEqual({
      first: `${app.url}/api/v1/workspaces?page=1`,
      last: `${app.url}/api/v1/workspaces?page=3`,
      prev: null,
      next: `${app.url}/api/v1/workspaces?page=2`,
    });
  });

  test('E4: the second of three pages of 60', async () => {
    const { meta, links } = await list('page=2&per_page=25');
    expect(meta).toMatchObject({ from: 26, to: 50, last_page: 3, total: 60 });
    expect(links.next).toMatch(/[?&]page=3$/);
    expect(links.prev).toMatch(/[?&]page=1$/);
  });

  test('E5: per_page above 100 is 100', async () => {
    const { data, meta } = await list('per_page=1000');
    expect([data.length, meta['per_page'], meta['last_page']]).toEqual([60, 100, 1]);
  });

  test('following the links shows every item once, in the order of the ids', async () => {
    const seen: number[] = [];
    let url: string | null = `${app.url}/api/v1/workspaces?per_page=7&sort=tier,-name`;
    while (url !== null) {
      const response: Response = await fetch(url, { headers: { authorization: `Bearer ${app.key}` } });
      const body = (await response.json()) as Awaited<ReturnType<typeof list>>;
      seen.push(...ids(body.data));
      url = body.links.next;
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    const all = await list('per_page=100');
    expect(ids(all.data)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
  });

  test('links keep the other parameters and their encoding', async () => {
    const { links } = await list('search=%5B%24ne%5D+100%25&per_page=2&page=1&sort=-name');
    const next = new URL(links.next ?? '');
    expect(Object.fromEntries(next.searchParams)).toEqual({
      search: '[$ne] 100%',
      per_page: '2',
      sort: '-name',
      page: '2',
    });
    expect(next.searchParams.getAll('page')).toEqual(['2']);
  });

  test('beyond the end: 200, empty, with a way back', async () => {
    const { data, meta, links } = await list('page=99');
    expect(data).toEqual([]);
    expect(meta).toMatchObject({ current_page: 99, from: null, to: null, last_page: 3, total: 60 });
    expect([links.prev, links.next]).toEqual([expect.stringMatching(/page=98$/), null]);
    expect((await list('page=999999999999999')).data).toEqual([]);
  });

  test('of nothing: one empty page', async () => {
    const { meta, links } = await list('search=nothing-has-this');
    expect(meta).toEqual({ current_page: 1, from: null, last_page: 1, per_page: 25, to: null, total: 0 });
    expect([links.first, links.last]).toEqual([
      expect.stringMatching(/page=1$/),
      expect.stringMatching(/page=1$/),
    ]);
  });

  test.each([
    'page=0',
    'page=-1',
    'page=1.5',
    'page=abc',
    'page=',
    'page=1e3',
    'per_page=0',
    'per_page=x',
    'per_page=2.0',
  ])('422 for ?%s', async (query) => {
    expect(await refused(query)).toMatchObject({ status: 422, fields: [query.split('=')[0]] });
  });

  test('have the address that clients use, where it is set', async () => {
    const known = await startTestApp({ PUBLIC_URL: 'https://api.example.com/core' });
    try {
      const { body } = await known.call('GET', '/workspaces');
      expect(body.links.first).toBe('https://api.example.com/core/api/v1/workspaces?page=1');
    } finally {
      await known.stop();
    }
  });
});

describe('sorting', () => {
  test('E16: descending by time, then by name; sparse fields show exactly what was asked for', async () => {
    const { data } = await list('sort=-created_at,name&per_page=100');
    const keys = data.map(({ created_at }) => created_at);
    expect(keys).toEqual(keys.toSorted().reverse());
    const sparse = await list('fields=id,name');
    for (const item of sparse.data) expect(Object.keys(item)).toEqual(['id', 'name']);
  });

  const compare = (left: Item, right: Item, key: keyof Item, down: boolean): number => {
    if (left[key] === right[key]) return 0;
    return left[key] < right[key] === down ? 1 : -1;
  };

  test('any sort keys give the order that comparing what is shown gives, code point by code point', async () => {
    const key = fc.constantFrom<keyof Item>('id', 'name', 'slug', 'tier', 'created_at');
    const sorts = fc.array(fc.tuple(key, fc.boolean()), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(sorts, async (keys) => {
        const sort = keys.map(([name, down]) => (down ? `-${name}` : name)).join(',');
        const { data } = await list(`per_page=100&sort=${sort}`);
        for (let n = 1; n < data.length; n++) {
          const [left, right] = [data[n - 1] as Item, data[n] as Item];
          const orders = keys.map(([name, down]) => compare(left, right, name, down));
          expect(orders.find((order) => order !== 0) ?? -1).toBe(-1);
        }
        expect(ids(data).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
      }),
      { numRuns: 40 },
    );
  });

  test('of records of one second the newest is first with -created_at, but only where no other key decides', async () => {
    const two = made.slice(0, 2);
    expect(two[0]?.created_at).toBe(two[1]?.created_at);
    const between = `created_after=2026-01-01&created_before=2026-01-01`;
    expect(ids((await list(`${between}&sort=-created_at`)).data)).toEqual([two[1]?.id, two[0]?.id]);
    expect(ids((await list(`${between}&sort=created_at`)).data)).toEqual(ids(two));
    const byName = (await list(`${between}&sort=-created_at,-name`)).data.map(({ name }) => name);
    expect(byName).toEqual(['acme one', 'Acme Two']);
  });

  test('422 names the field that cannot be sorted by', async () => {
    const { status, sentences } = await refused('sort=name,-secretHash');
    expect(status).toBe(422);
    expect(sentences[0]).toMatch(
      /^The selected sort is invalid: -secretHash\. It must be one of: id, name, /,
    );
    for (const sort of ['', '__proto__', 'constructor', 'name,', '--name', 'memberIds'])
      expect(await refused(`sort=${sort}`)).toMatchObject({ status: 422, fields: ['sort'] });
  });
});

describe('filters', () => {
  test('E17: a range of days holds both of them whole', async () => {
    const { data, meta } = await list('created_after=2026-01-05&created_before=2026-01-10&per_page=100');
    const expected = made.filter(({ created_at }) => created_at >= '2026-01-05' && created_at < '2026-01-11');
    expect(ids(data)).toEqual(ids(expected));
    expect(meta['total']).toBe(12);
  });

  test('a second that the wire shows is found by that second, whatever part of it the record has', async () => {
    const shown = made[0]?.created_at ?? '';
    expect(shown).toBe('2026-01-01T10:30:00Z');
    for (const bounds of [
      `created_after=${shown}&created_before=${shown}`,
      `created_after=${shown}&created_before=2026-01-01T11:30:00%2B01:00`,
    ]) {
      const { data } = await list(bounds);
      expect(ids(data)).toEqual([made[0]?.id, made[1]?.id]);
    }
    expect((await list('created_before=2026-01-01T10:29:59Z')).data).toEqual([]);
  });

  test('a plus sign that was not encoded still is one', async () => {
    const { data } = await list('created_before=2026-01-01T11:30:00+01:00');
    expect(data).toHaveLength(2);
  });

  test.each([
    'created_after=2026-02-30',
    'created_after=2026-13-01',
    'created_before=yesterday',
    'updated_after=2026-01-01T25:00:00Z',
    'updated_before=2026-01-01T10:00:00',
    'created_after=',
    'created_after=1767225600',
  ])('422 for ?%s', async (query) => {
    expect(await refused(query)).toMatchObject({ status: 422, fields: [query.split('=')[0]] });
  });

  test('E17: search finds what has all the words, in any case', async () => {
    const found = (await list('search=ACME&per_page=100')).data;
    expect(found.length).toBeGreaterThan(10);
    for (const { name } of found) expect(name.toLowerCase()).toContain('acme');
    expect((await list('search=two%20acme')).data.every(({ name }) => name === 'Acme Two')).toBe(true);
    expect((await list('search=%C3%A9cole')).data[0]?.name).toBe('École');
    expect((await list('search=')).meta['total']).toBe(60);
  });

  test('search has no wildcards, patterns or operators', async () => {
    const found = async (text: string) => [
      ...new Set(
        (await list(`per_page=100&search=${encodeURIComponent(text)}`)).data.map(({ name }) => name),
      ),
    ];
    expect(await found('a.*b')).toEqual(['a.*b']);
    expect(await found('%')).toEqual(['100% [$ne]']);
    expect(await found('[$ne]')).toEqual(['100% [$ne]']);
    expect(await found('^a')).toEqual([]);
    expect(await found('_')).toEqual([]);
  });

  test('status active is all there is; an unknown one is refused', async () => {
    expect((await list('status=active')).meta['total']).toBe(60);
    expect((await list('status=suspended')).meta['total']).toBe(0);
    for (const status of ['bogus', '', 'Active', 'constructor'])
      expect(await refused(`status=${status}`)).toMatchObject({ status: 422, fields: ['status'] });
  });

  test('several are ANDed', async () => {
    const { data } = await list(
      'search=acme&created_after=2026-01-10&created_before=2026-01-20&status=active',
    );
    const expected = made.filter(
      ({ name, created_at }) => /acme/i.test(name) && created_at >= '2026-01-10' && created_at < '2026-01-21',
    );
    expect(expected.length).toBeGreaterThan(0);
    expect(ids(data)).toEqual(ids(expected));
  });

  test('422 for a parameter that is not known, given twice, or an operator', async () => {
    expect(await refused('serch=acme')).toEqual({
      status: 422,
      fields: ['serch'],
      sentences: ['The serch parameter is not known.'],
    });
    expect(await refused('search[$ne]=x')).toMatchObject({ status: 422, fields: ['search[$ne]'] });
    expect(await refused('page=1&page=2')).toEqual({
      status: 422,
      fields: ['page'],
      sentences: ['The page parameter may be given only once.'],
    });
    expect(await refused('__proto__=1')).toMatchObject({ status: 422, fields: ['__proto__'] });
    expect(await refused('search=%00')).toMatchObject({ status: 422, fields: ['search'] });
  });
});

describe('fields and includes', () => {
  test('includes appear beside the fields that were asked for', async () => {
    const { data } = await list('fields=id&include=owner,tags&per_page=2');
    for (const item of data)
      expect(item).toEqual({ id: item.id, owner: expect.objectContaining({ id: 1 }), tags: [] });
  });

  test.each(['fields=id,secretHash', 'fields=', 'include=packages,owner', 'include='])(
    '422 for ?%s',
    async (query) => {
      expect(await refused(query)).toMatchObject({ status: 422, fields: [query.split('=')[0]] });
    },
  );
});
