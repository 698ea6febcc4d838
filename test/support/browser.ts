// A real browser for tests, where there is one: Debian's Chromium, or what CHROMIUM_PATH names.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const path = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/** True where no browser is: says so, so that nobody takes what was skipped for what has passed. */
export const noBrowser = (what: string): boolean => {
  if (existsSync(path)) return false;
  console.warn(`SKIPPED: ${what} was not tried in a browser: there is none at ${path}. Set CHROMIUM_PATH.`);
  return true;
};

/** Chromium asks hosts of its maker for this and that; a test asks 127.0.0.1 only. */
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type Browser = { readonly context: BrowserContext; stop(): Promise<void> };

/** A browser with a profile of its own. `doNotTrack`: its user has switched that on. */
export const startBrowser = async ({ doNotTrack = false } = {}): Promise<Browser> => {
  const profile = await mkdtemp(join(tmpdir(), 'core-api-browser-'));
  mkdirSync(join(profile, 'Default'));
  const preferences = JSON.stringify({ enable_do_not_track: doNotTrack });
  writeFileSync(join(profile, 'Default', 'Preferences'), preferences);
  const context = await chromium.launchPersistentContext(profile, { executablePath: path, args: quiet });
  return {
    context,
    async stop() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
};

/** A site on this machine with one page at every path; its origin, which is nobody else's. */
export const startSite = async (page: string): Promise<{ origin: string; stop(): Promise<void> }> => {
  const server = createServer((request, response) => {
    const isPage = request.url !== '/favicon.ico';
    response.writeHead(isPage ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
    response.end(isPage ? page : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
