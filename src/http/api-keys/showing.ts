// Finds and shows API keys for one request.
import type { ReadModels, Term } from '../../adapters/read-models/port.js';
import type { KeyUses } from '../../commands/key-uses.js';
import { type ShownApiKey, shownApiKey } from '../../dialects/api-keys.js';
import type { ApiKeyRecord } from '../../domain/api-keys.js';
import { notFound } from '../../domain/errors.js';
import type { ApiKeyRow } from '../../projections/api-keys.js';
import { findByReference } from '../records.js';
import type { Exchange } from '../route.js';

type Asked = Exchange<unknown, unknown>;

/**
 * The key of the context workspace that the path names. Commands find revoked ones too, and say themselves what they do
 * with them: a retry must find the record that it has ended.
 */
export const findApiKey = async (
  readModels: ReadModels,
  { params, workspace }: Asked,
  where: readonly Term[] = [],
): Promise<ApiKeyRow> => {
  const own: Term = { field: 'workspaceId', op: 'eq', value: workspace.id };
  const id = params['id'] ?? '';
  const row = await findByReference<ApiKeyRow>(readModels, 'api-keys', 'apiKey', id, [own, ...where]);
  if (!row) throw notFound();
  return row;
};

/** Keys of one workspace with their last uses and status, in order. */
export const showApiKeys = async (
  uses: KeyUses,
  records: readonly ApiKeyRecord[],
  { now, workspace }: Pick<Asked, 'now' | 'workspace'>,
): Promise<ShownApiKey[]> => {
  const used = await uses.lastUsed(records.map(({ id }) => id));
  const at = now.toISOString();
  return records.map((record) =>
    shownApiKey(record, { workspaceTier: workspace.tier, lastUsedAt: used.get(record.id), now: at }),
  );
};

/** As `showApiKeys`, for one. */
export const showApiKey = async (
  uses: KeyUses,
  record: ApiKeyRecord,
  exchange: Pick<Asked, 'now' | 'workspace'>,
): Promise<ShownApiKey> => {
  const [shown] = await showApiKeys(uses, [record], exchange);
  if (!shown) throw new Error('a key was lost on its way out');
  return shown;
};
