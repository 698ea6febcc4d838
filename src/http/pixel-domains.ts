// Keeps workspaces from naming each other's domains.
import type { ReadModels } from '../adapters/read-models/port.js';
import type { JsonObject } from '../domain/decider.js';
import { invalid } from '../domain/errors.js';
import { siteSettings } from '../domain/pixel.js';
import { oldestClaim, type PixelSiteRow } from '../projections/pixel.js';

/**
 * Throws 422 when new settings of a workspace (UUID) name a domain that another one has named before. Of two that name
 * it at the same moment the first in the log has it, and the other one only when that one gives it up.
 */
export const requireFreeDomains = async (
  readModels: ReadModels,
  settings: JsonObject | undefined,
  workspaceId: string,
): Promise<void> => {
  const domains = settings ? siteSettings(settings).domains : [];
  if (domains.length === 0) return;
  const where = [{ field: 'domains', op: 'in', value: domains } as const];
  const rows = await readModels.find<PixelSiteRow>('pixel-sites', { where });
  const taken = domains.find((domain) => {
    const claim = oldestClaim(
      rows.filter((row) => row.domains.includes(domain)),
      domain,
    );
    return claim !== undefined && claim.id !== workspaceId;
  });
  if (taken !== undefined)
    throw invalid({
      'settings.domains': `The domain ${taken} is registered by another workspace. Use the pixel_key on its pages.`,
    });
};
