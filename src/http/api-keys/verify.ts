// Verifying a key, for callers who guard an API of their own with our keys. The fastest endpoint: two look-ups.
import { z } from 'zod';
import type { ReadModels, Surely } from '../../adapters/read-models/port.js';
import type { KeyUses } from '../../commands/key-uses.js';
import { shownApiKey, type VerifyCode, verifyAnswer } from '../../dialects/api-keys.js';
import { isIpAddress } from '../../domain/ip-ranges.js';
import { holds } from '../../domain/scopes.js';
import { type CheckedKey, checkKeySurely } from '../auth.js';
import type { Limiter } from '../rate-limit.js';
import { type Exchange, type Route, route } from '../route.js';

const VerifyBody = z.strictObject({
  key: z.string().max(1_000),
  /** Checked when given. */
  scope: z.string().max(255).optional(),
  /** Address of the key's user; a key that is bound to addresses does not count without it. */
  ip: z
    .string()
    .refine(isIpAddress, 'The :attribute must be a valid IP address.')
    .meta({ maxLength: 100, examples: ['203.0.113.9'] })
    .optional(),
});
type VerifyBody = z.output<typeof VerifyBody>;

/** Refusals that cost the key nothing; in the order in which they are told. */
const refusalOf = (checked: CheckedKey, { scope, ip }: VerifyBody, workspaceId: string): VerifyCode => {
  // A key of another workspace must look exactly like none.
  if (checked.verdict === 'NOT_FOUND' || checked.key.workspaceId !== workspaceId) return 'NOT_FOUND';
  const { verdict, key } = checked;
  if (verdict !== 'VALID') return verdict;
  if (ip === undefined && key.allowedIps.length > 0) return 'IP_NOT_ALLOWED';
  return scope === undefined || holds(key.scopes, scope) ? 'VALID' : 'INSUFFICIENT_SCOPE';
};

export const apiKeyVerification = (deps: {
  readModels: ReadModels;
  uses: KeyUses;
  limiter: Limiter;
  surely: Surely;
}): Route => {
  const { readModels, uses, limiter, surely } = deps;

  const verify = async ({ body, dialect, workspace, now }: Exchange<undefined, VerifyBody>) => {
    const at = now.toISOString();
    const checked = await checkKeySurely(surely, readModels, body.key, at, body.ip);
    const code = refusalOf(checked, body, workspace.id);
    if (code !== 'VALID' || checked.verdict !== 'VALID') return verifyAnswer(dialect, code);
    const { key } = checked;
    const tier = key.rateLimitTier ?? workspace.tier;
    const { admitted } = await limiter.byKey(key.id, tier, dialect, now.getTime());
    uses.note(key.id, now);
    if (!admitted) return verifyAnswer(dialect, 'RATE_LIMITED');
    const record = shownApiKey(key, { workspaceTier: workspace.tier, lastUsedAt: at, now: at });
    return verifyAnswer(dialect, 'VALID', record);
  };

  return route({
    method: 'POST',
    path: '/api-keys/verify',
    scope: 'api-keys:verify',
    body: VerifyBody,
    doc: {
      id: 'verifyApiKey',
      tag: 'API keys',
      summary: 'Verify an API key',
      description:
        'Says whether a key of this workspace counts, and for `scope` and `ip` where they are given. Counts as a use of that key and against its rate limit. A key that is bound to addresses counts only with an `ip` among them.',
      requestExample: { key: 'sk_live_abc123def456ghi789jkl012mno345pq', scope: 'posts:read' },
      success: {
        status: 200,
        description: 'Whether the key counts, and why not.',
        example: { valid: false, code: 'INSUFFICIENT_SCOPE' },
      },
    },
    handle: async (exchange) => ({ status: 200, body: await verify(exchange) }),
  });
};
