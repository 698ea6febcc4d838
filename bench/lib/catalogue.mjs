// A catalogue with 1,000 features and limits that no run reaches, for the rows about entitlements.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const tiers = ['free', 'starter', 'pro', 'agency', 'business', 'enterprise'];
const codes = ['posts', ...Array.from({ length: 1000 }, (_, n) => `f${n}`)];

/** Its path, and what removes it. */
export const largeCatalogue = () => {
  const dir = mkdtempSync(join(tmpdir(), 'core-api-catalogue-'));
  const file = join(dir, 'catalogue.json');
  const catalogue = {
    features: codes.map((code) => ({ code, name: code, type: 'limit', reset: 'monthly' })),
    packages: [
      {
        code: 'all',
        name: 'All',
        base: true,
        features: Object.fromEntries(codes.map((code) => [code, 1e15])),
      },
    ],
    tiers: Object.fromEntries(tiers.map((tier) => [tier, 'all'])),
  };
  writeFileSync(file, JSON.stringify(catalogue));
  return { file, remove: () => rmSync(dir, { recursive: true, force: true }) };
};
