// Making webhook endpoints through the API, for tests.
import type { TestApp } from './api.js';

/** What the tests ask for where it does not matter; nobody listens there. */
export const wanted = {
  url: 'http://127.0.0.1:9/hook',
  events: ['post.created', 'post.updated', 'post.deleted'],
};
/** Chooses the older dialect. */
export const legacy = { 'X-API-Dialect': '2024' };

export type MadeWebhook = { id: number | string; secret: string } & Record<string, unknown>;

/** The data of the answer to a creation. */
export const createWebhook = async (app: TestApp, more: object = {}, headers = {}): Promise<MadeWebhook> => {
  const { status, text, body } = await app.call('POST', '/webhooks', {
    body: { ...wanted, ...more },
    headers,
  });
  if (status !== 201) throw new Error(`not created: ${status} ${text}`);
  return body.data as MadeWebhook;
};
