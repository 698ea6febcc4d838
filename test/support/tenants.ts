// Other people's keys, and keys that may do less: for tests of who may do what.
import type { TestApp } from './api.js';

/** A key of a user with a workspace of their own: a stranger to workspace 1. */
export type Tenant = { readonly key: string; readonly workspace: number };

let tenants = 0;

export const newTenant = async ({ app }: TestApp, scopes: readonly string[] = ['*']): Promise<Tenant> => {
  tenants += 1;
  const { key, workspace } = await app.bootstrap.mintKey({ email: `tenant${tenants}@example.com`, scopes });
  return { key, workspace: workspace.number };
};

/** A key of workspace 1 with these scopes. */
export const scopedKey = async (
  app: TestApp,
  scopes: readonly string[],
  more: object = {},
): Promise<string> => {
  const { status, body, text } = await app.call('POST', '/api-keys', {
    body: { name: 'Scoped', scopes, ...more },
  });
  if (status !== 201) throw new Error(`no key: ${status} ${text}`);
  return body.data.key as string;
};
