// Making API keys and workspaces through the API, for tests.
import type { TestApp } from './api.js';

/** A timestamp on the wire. */
export const TS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
/** A whole key. */
export const KEY = /^sk_live_[A-Za-z0-9]{40}$/;
/** Chooses the older dialect. */
export const legacy = { 'X-API-Dialect': '2024' };
export const aYearAhead = (): string =>
  `${new Date(Date.now() + 31_536_000_000).toISOString().slice(0, 19)}Z`;

export type Made = { id: number; key: string } & Record<string, unknown>;

/** The data of the answer to a creation. */
export const createKey = async (
  app: TestApp,
  more: object = {},
  headers: Record<string, string> = {},
): Promise<Made> => {
  const { status, body, text } = await app.call('POST', '/api-keys', {
    body: { name: 'Key', ...more },
    headers,
  });
  if (status !== 201) throw new Error(`not created: ${status} ${text}`);
  return body.data as Made;
};

/** A new workspace, as the headers that make it the context. */
export const createWorkspace = async (
  app: TestApp,
  more: object = {},
): Promise<{ 'X-Workspace-ID': string }> => {
  const { body } = await app.call('POST', '/workspaces', { body: { name: 'Other', ...more } });
  return { 'X-Workspace-ID': String(body.data.id) };
};

/** Status of a request with a key. */
export const statusFor = async (app: TestApp, key: string, path = '/workspaces'): Promise<number> =>
  (await app.call('GET', path, { key })).status;
