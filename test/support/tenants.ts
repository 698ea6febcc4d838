// Other people's keys, and keys that may do less: for tests of who may do what.
import type { Role } from '../../src/domain/members.js';
import type { WorkspaceRow } from '../../src/projections/workspaces.js';
import type { TestApp } from './api.js';

/** A key of a user with a workspace of their own: a stranger to workspace 1. */
export type Tenant = { readonly key: string; readonly workspace: number };

let tenants = 0;

export const newTenant = async ({ app }: TestApp, scopes: readonly string[] = ['*']): Promise<Tenant> => {
  tenants += 1;
  const { key, workspace } = await app.bootstrap.mintKey({ email: `tenant${tenants}@example.com`, scopes });
  return { key, workspace: workspace.number };
};

/** A member of a workspace (integer id) with a key for it. `id` is the user's integer id. */
export type Colleague = { readonly key: string; readonly id: number; readonly email: string };

export const newColleague = async (
  test: TestApp,
  workspace: number,
  role: Role,
  scopes: readonly string[] = ['*'],
): Promise<Colleague> => {
  tenants += 1;
  const email = `colleague${tenants}@example.com`;
  const where = [{ field: 'number', op: 'eq', value: workspace } as const];
  const { readModels } = test.app.stores;
  const [row] = await readModels.find<WorkspaceRow>('workspaces', { where });
  if (!row) throw new Error(`no workspace ${workspace}`);
  const { key } = await test.app.bootstrap.mintKey({ email, scopes, workspace: { id: row.id, role } });
  await test.waitForAll();
  const { body } = await test.call('GET', '/api-keys/current?include=user', { key });
  return { key, id: body.data.user.id, email };
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
