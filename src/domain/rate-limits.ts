// How many requests a key may make, by tier and dialect. Data only; counting is done elsewhere.
import { type Tier, tiers } from './tiers.js';

/** `limit` is what the headers show; `ceiling` = limit plus burst is what is enforced. Infinity = unlimited. */
export type RateLimit = { readonly limit: number; readonly windowMs: number; readonly ceiling: number };
export type RateLimits = Readonly<Record<Tier, RateLimit>>;

export const MINUTE = 60_000;
const HOUR = 3_600_000;

/** Shown as the limit of what has none: the headers are due all the same. */
export const UNLIMITED_SHOWN = 1_000_000_000;

const perMinute = (limit: number, burst: number): RateLimit => ({
  limit,
  windowMs: MINUTE,
  ceiling: Math.floor(limit * (1 + burst)),
});
const perHour = (limit: number, burst: number): RateLimit => ({
  limit,
  windowMs: HOUR,
  ceiling: limit + burst,
});
const unlimited = (windowMs: number): RateLimit => ({
  limit: UNLIMITED_SHOWN,
  windowMs,
  ceiling: Number.POSITIVE_INFINITY,
});

/** The tables of both references, with the cells that they leave open filled from their neighbours. */
export const rateLimits: Readonly<Record<'2026' | '2024', RateLimits>> = {
  2026: {
    free: perMinute(60, 0),
    starter: perMinute(1_000, 0.2),
    pro: perMinute(5_000, 0.3),
    agency: perMinute(20_000, 0.5),
    business: perMinute(20_000, 0.5),
    enterprise: perMinute(100_000, 1),
  },
  2024: {
    free: perHour(1_000, 50),
    starter: perHour(1_000, 50),
    pro: perHour(10_000, 200),
    agency: perHour(50_000, 500),
    business: perHour(50_000, 500),
    enterprise: unlimited(HOUR),
  },
};

const isTier = (text: string | undefined): text is Tier =>
  (tiers as readonly (string | undefined)[]).includes(text);

/**
 * A table with some tiers replaced: `free=100,pro=8000+30%,enterprise=500000+1000` (burst in percent or requests;
 * `unlimited` lifts the limit). Undefined when the text is not of that form.
 */
export const withLimits = (table: RateLimits, text: string): RateLimits | undefined => {
  const next: Record<Tier, RateLimit> = { ...table };
  for (const entry of text.split(',')) {
    const [, tier, number, burst, percent] =
      /^\s*(\w+)=(unlimited|[1-9]\d{0,11})(?:\+(\d{1,12})(%?))?\s*$/.exec(entry) ?? [];
    if (!isTier(tier) || number === undefined) return undefined;
    const { windowMs } = table[tier];
    const limit = Number(number);
    const extra = percent === '%' ? Math.floor((limit * Number(burst)) / 100) : Number(burst ?? 0);
    next[tier] = number === 'unlimited' ? unlimited(windowMs) : { limit, windowMs, ceiling: limit + extra };
  }
  return next;
};
