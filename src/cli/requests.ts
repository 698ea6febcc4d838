// What the command line asks of the process that may write: the same whether that is a running server or itself.
import { z } from 'zod';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type { ApiKeyCommands } from '../commands/api-keys.js';
import type { Bootstrap } from '../commands/bootstrap.js';
import { systemContext } from '../commands/context.js';
import { environmentOf } from '../commands/key-secrets.js';
import type { KeyUses } from '../commands/key-uses.js';
import { secondsOrNull } from '../dialects/dialect.js';
import { type ApiKeyStatus, apiKeyStatus, apiKeyStatuses } from '../domain/api-keys.js';
import type { Json, JsonObject } from '../domain/decider.js';
import { publicId } from '../domain/ids.js';
import { roles } from '../domain/members.js';
import { isScope } from '../domain/scopes.js';
import { findByReference } from '../http/records.js';
import { type ApiKeyRow, apiKeyStatusTerms } from '../projections/api-keys.js';
import type { WorkspaceRow } from '../projections/workspaces.js';

const id = z.string().min(1);
const CreateKey = z.object({
  command: z.literal('keys.create'),
  email: z
    .string()
    .max(254, 'An e-mail address has at most 254 characters.')
    .regex(/^[^\s@]+@[^\s@]+$/, 'That is no e-mail address.'),
  name: z
    .string()
    .trim()
    .min(1, 'The name is empty.')
    .max(255, 'A name has at most 255 characters.')
    .optional(),
  scopes: z
    .array(
      z.string().refine(isScope, {
        error: ({ input }) => `${input} is no scope; posts:read, *:read, read and * are.`,
      }),
    )
    .optional(),
  workspace: id.optional(),
  role: z.enum(roles, `A role is one of ${roles.join(', ')}.`).default('admin'),
});
const ListKeys = z.object({
  command: z.literal('keys.list'),
  workspace: id.optional(),
  status: z.enum(apiKeyStatuses, `A status is one of ${apiKeyStatuses.join(', ')}.`).optional(),
});
const RevokeKey = z.object({ command: z.literal('keys.revoke'), id });
export const CliRequest = z.discriminatedUnion('command', [CreateKey, ListKeys, RevokeKey]);
export type CliRequest = z.input<typeof CliRequest>;

/** A key as the command line tells of it; `key` only right after it was made. */
export type ToldKey = {
  readonly id: number;
  readonly publicId: string;
  readonly name: string;
  readonly prefix: string;
  readonly status: ApiKeyStatus;
  readonly workspace: number | null;
  readonly scopes: string[];
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
  readonly key?: string;
};

/** A request of the command line cannot be done; the message is one sentence for its user. */
const refuse = (sentence: string): never => {
  throw new Error(sentence);
};

/** Answers requests of the command line. Whoever can reach the lock of the data directory may do anything. */
export const handleCliRequest = (deps: {
  readonly readModels: ReadModels;
  readonly bootstrap: Bootstrap;
  readonly apiKeys: ApiKeyCommands;
  readonly uses: KeyUses;
  readonly waitFor: (position: number) => Promise<unknown>;
  readonly now: () => Date;
}): ((request: JsonObject) => Promise<Json>) => {
  const { readModels, bootstrap, apiKeys, uses, waitFor, now } = deps;

  const workspaceNamed = async (named: string): Promise<WorkspaceRow> =>
    (await findByReference<WorkspaceRow>(readModels, 'workspaces', 'workspace', named)) ??
    refuse(`There is no workspace ${named}.`);

  const tell = async (keys: readonly Omit<ApiKeyRow, 'position' | 'search'>[]): Promise<ToldKey[]> => {
    const used = await uses.lastUsed(keys.map((key) => key.id));
    const ids = [...new Set(keys.map(({ workspaceId }) => workspaceId))];
    const where: Term[] = [{ field: 'id', op: 'in', value: ids }];
    const workspaces = await readModels.find<WorkspaceRow>('workspaces', { where });
    const numbers = new Map(workspaces.map((row) => [row.id, row.number]));
    const at = now().toISOString();
    return keys.map((key) => ({
      id: key.number,
      publicId: publicId('apiKey', key.id),
      name: key.name,
      prefix: key.prefix,
      status: apiKeyStatus(key, at),
      workspace: numbers.get(key.workspaceId) ?? null, // null: it was deleted, and the key stopped with it
      scopes: [...key.scopes],
      expiresAt: secondsOrNull(key.expiresAt),
      lastUsedAt: secondsOrNull(used.get(key.id)),
    }));
  };

  const create = async ({ email, name, scopes, workspace, role }: z.output<typeof CreateKey>) => {
    const home = workspace === undefined ? undefined : { id: (await workspaceNamed(workspace)).id, role };
    const { record, key } = await bootstrap.mintKey({ email, name, scopes, workspace: home });
    return (await tell([record])).map((told) => ({ ...told, key }));
  };

  const list = async ({ workspace, status }: z.output<typeof ListKeys>) => {
    const where: Term[] =
      status === undefined
        ? [{ field: 'revoked', op: 'eq', value: false }]
        : apiKeyStatusTerms[status](now().toISOString());
    if (workspace !== undefined)
      where.push({ field: 'workspaceId', op: 'eq', value: (await workspaceNamed(workspace)).id });
    return tell(await readModels.find<ApiKeyRow>('api-keys', { where, sort: [['number', 'asc']] }));
  };

  const revoke = async ({ id: named }: z.output<typeof RevokeKey>) => {
    if (environmentOf(named) !== undefined) refuse('Name the key by its id: keys list shows it.');
    const found = await findByReference<ApiKeyRow>(readModels, 'api-keys', 'apiKey', named);
    const row = found ?? refuse(`There is no API key ${named}.`);
    if (row.revoked) refuse(`API key ${named} has already been revoked.`);
    const command = systemContext('command line', { now: now().toISOString() });
    // Nothing else about the workspace matters to a revocation.
    const { record, position } = await apiKeys.revoke(row.id, {
      command,
      workspace: { id: row.workspaceId, tier: row.workspaceTier },
    });
    await waitFor(position);
    return tell([record]);
  };

  return async (request) => {
    const parsed = CliRequest.safeParse(request);
    if (!parsed.success) return refuse(parsed.error.issues[0]?.message ?? 'The request was not understood.');
    const { data } = parsed;
    switch (data.command) {
      case 'keys.create':
        return create(data);
      case 'keys.list':
        return list(data);
      case 'keys.revoke':
        return revoke(data);
    }
  };
};
