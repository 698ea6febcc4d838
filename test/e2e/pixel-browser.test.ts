// The pixel's script in a real browser, on a page of another origin.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hit } from '../../src/domain/pixel.js';
import { startTestApp, type TestApp } from '../support/api.js';
import { type Browser, noBrowser, startBrowser, startSite } from '../support/browser.js';

describe.skipIf(noBrowser('the pixel'))('a page of another origin', () => {
  let app: TestApp;
  let site: Awaited<ReturnType<typeof startSite>>;
  let key: string;
  let browser: Browser;
  beforeAll(async () => {
    app = await startTestApp();
    const { data } = (await app.call('GET', '/workspaces/1?fields=pixel_key')).body;
    key = data.pixel_key;
    const script = `<script defer src="${app.url}/api/v1/pixel.js" data-key="${key}"></script>`;
    site = await startSite(`<!doctype html><title>A page</title>${script}`);
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.stop();
    await site?.stop();
    await app?.stop();
  });

  /** The next hits after what is in the log now, by when they came, once there are so many. */
  const hitsAfter = async (count: number, work: () => Promise<unknown>): Promise<Hit[]> => {
    const { log } = app.app.stores;
    const from = await log.head();
    await work();
    const found: Hit[] = [];
    const wanted = { types: new Set(['PixelTracked']) };
    for await (const { events } of log.subscribe(from, wanted, AbortSignal.timeout(20_000))) {
      found.push(...events.map(({ data }) => data as Hit));
      if (found.length >= count) return found.toSorted((a, b) => (a.trackedAt < b.trackedAt ? -1 : 1));
    }
    throw new Error(`only ${found.length} hits of ${count}`);
  };
  /** Opens a page; `asked` are the paths of the API that it has asked for. `first` runs in it before anything else. */
  const open = async (path: string, { context } = browser, first = '') => {
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin === app.url) asked.push(url.pathname.slice('/api/v1'.length));
    });
    await page.addInitScript(first);
    await page.goto(`${site.origin}${path}`, { waitUntil: 'load' });
    return { page, asked };
  };

  test('reports that it is shown, where it moves without loading, and its own events', async () => {
    let asked: readonly string[] = [];
    const hits = await hitsAfter(3, async () => {
      const opened = await open('/first?a=1#top');
      const { page } = opened;
      asked = opened.asked;
      await page.evaluate("history.pushState({}, '', '/second')");
      // The pageview of a new address follows in a moment, so that the page may set its title.
      await page.evaluate(
        "new Promise((done) => setTimeout(done)).then(() => pixel('signup', { plan: 'pro' }))",
      );
    });
    expect(asked).toEqual(['/pixel.js', '/pixel/track', '/pixel/track', '/pixel/track']);
    const common = { device: 'bot', trackedAt: expect.any(String), workspaceId: expect.any(String) };
    expect(hits).toEqual([
      {
        ...common,
        event: 'pageview',
        url: `${site.origin}/first?a=1`,
        referrer: null,
        properties: { title: 'A page' },
      },
      {
        ...common,
        event: 'pageview',
        url: `${site.origin}/second`,
        referrer: `${site.origin}/first`,
        properties: { title: 'A page' },
      },
      {
        ...common,
        event: 'signup',
        url: `${site.origin}/second`,
        referrer: `${site.origin}/first`,
        properties: { plan: 'pro' },
      },
    ]);
  });

  test('may call the pixel itself: JSON after a preflight, the configuration, the image', async () => {
    const hits = await hitsAfter(3, async () => {
      const { page } = await open('/calls');
      const api = `${app.url}/api/v1`;
      const hit = { event: 'click', url: `${site.origin}/calls`, pixel_key: key };
      const said = await page.evaluate(
        `(async () => {
          const sent = await fetch(${JSON.stringify(`${api}/pixel/track`)}, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: ${JSON.stringify(JSON.stringify(hit))},
          });
          const config = await fetch(${JSON.stringify(`${api}/pixel/config`)});
          const bad = await fetch(${JSON.stringify(`${api}/pixel/track`)}, { method: 'POST', body: '{}' });
          return [await sent.json(), sent.headers.get('X-RateLimit-Limit'), (await config.json()).enabled, bad.status];
        })()`,
      );
      expect(said).toEqual([{ tracked: true }, '300', true, 422]);
      const image = `${api}/pixel/${key}.gif?event=image&url=${encodeURIComponent(`${site.origin}/calls`)}`;
      const width = await page.evaluate(
        `new Promise((done, failed) => {
          const image = new Image();
          image.onload = () => done(image.naturalWidth);
          image.onerror = () => failed(new Error('no image'));
          image.src = ${JSON.stringify(image)};
        })`,
      );
      expect(width).toBe(1);
    });
    expect(hits.map(({ event }) => event).sort()).toEqual(['click', 'image', 'pageview']);
  });

  /** Does all that would be reported, and then something that is asked for, so that nothing can come after it. */
  const expectSilence = async ({ page, asked }: Awaited<ReturnType<typeof open>>) => {
    const events = await app.appended(async () => {
      await page.evaluate("history.pushState({}, '', '/elsewhere'); pixel('signup', {})");
      await page.evaluate(
        `new Promise((done) => setTimeout(done)).then(() => fetch('${app.url}/api/v1/pixel/config'))`,
      );
      await app.app.commands.pixel.flush();
    });
    expect(asked).toEqual(['/pixel.js', '/pixel/config']);
    expect(events.filter(({ type }) => type === 'PixelTracked')).toEqual([]);
  };

  test('sends nothing where the visitor has switched on Do Not Track', async () => {
    const wary = await startBrowser({ doNotTrack: true });
    try {
      const opened = await open('/dnt', wary);
      expect(await opened.page.evaluate('navigator.doNotTrack')).toBe('1');
      await expectSilence(opened);
    } finally {
      await wary.stop();
    }
  });

  test('sends nothing where the visitor has switched on Global Privacy Control', async () => {
    // Chromium has no such switch: the page sees it as it does in browsers that have one.
    const on = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { value: true })";
    await expectSilence(await open('/gpc', browser, on));
  });
});
