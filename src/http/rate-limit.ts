// Counts requests, by key or by client address, and says what is left.
import ipaddr from 'ipaddr.js';
import type { Counters, Hit, Window } from '../adapters/counters/port.js';
import { type Dialect, dialects, seconds } from '../dialects/dialect.js';
import { DomainError } from '../domain/errors.js';
import { MINUTE, type RateLimit, type RateLimits } from '../domain/rate-limits.js';
import type { Soon } from '../domain/soon.js';
import { type Tier, tiers } from '../domain/tiers.js';
import type { Log } from './reply.js';

/** What one request found. `resetAt`: Unix seconds when the window frees a place. */
export type RateState = {
  readonly admitted: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: number;
  /** Whole seconds to wait, at least 1. */
  readonly retryAfter: number;
};

export type Limiter = {
  /** Counts a request of a key in the windows of both dialects and judges it by its own. `now`: Unix ms. */
  byKey(keyId: string, tier: Tier, dialect: Dialect, now: number): Soon<RateState>;
  /** Counts a request by client address: in the bucket of those without a valid key, or in one with a name of its own. */
  byAddress(
    ip: string,
    now: number,
    bucket?: { readonly name: string; readonly perMinute: number },
  ): Soon<RateState>;
};

/** Clients with IPv6 have a whole /64: their addresses count as one. */
export const addressGroup = (ip: string): string => {
  if (!ip.includes(':')) return ip;
  try {
    const address = ipaddr.process(ip);
    if (address instanceof ipaddr.IPv4) return address.toString();
    return address.parts
      .slice(0, 4)
      .map((part) => part.toString(16))
      .join(':');
  } catch {
    return ip;
  }
};

const stateOf = (
  { limit, windowMs }: RateLimit,
  now: number,
  found?: { admitted: boolean; used: number; freesAt: number },
): RateState => {
  const { admitted, used, freesAt } = found ?? { admitted: true, used: 1, freesAt: now + windowMs };
  return {
    admitted,
    limit,
    remaining: Math.max(0, limit - used),
    resetAt: Math.ceil(freesAt / 1_000),
    retryAfter: Math.max(1, Math.ceil((freesAt - now) / 1_000)),
  };
};

const judgeOf: Readonly<Record<Dialect, number>> = { 2026: 0, 2024: 1 };

/** `tables`: limits of keys by dialect; `addressPerMinute`: of whoever has no valid key. */
export const createLimiter = (options: {
  readonly counters: Counters;
  readonly tables: Readonly<Record<Dialect, RateLimits>>;
  readonly addressPerMinute: number;
  readonly logger: Pick<Log, 'error'>;
}): Limiter => {
  const { counters, tables, addressPerMinute, logger } = options;
  const windows = new Map<Tier, readonly Window[]>(
    tiers.map((tier) => [tier, dialects.map((dialect) => tables[dialect][tier])]),
  );

  /** The limiter never takes the API down: when it fails, the request is admitted. */
  const hit = (
    key: string,
    limits: readonly Window[],
    judge: number,
    own: RateLimit,
    now: number,
  ): Soon<RateState> => {
    const judged = ({ admitted, usage }: Hit) => {
      const { used, freesAt } = usage[judge] ?? { used: 1, freesAt: now };
      return stateOf(own, now, { admitted, used, freesAt });
    };
    const failed = (error: unknown) => {
      logger.error(
        { error: error instanceof Error ? error.message : String(error) },
        'rate limiter failed; request admitted',
      );
      return stateOf(own, now);
    };
    try {
      const counted = counters.hit(key, limits, judge, now);
      return counted instanceof Promise ? counted.then(judged).catch(failed) : judged(counted);
    } catch (error) {
      return failed(error);
    }
  };

  return {
    byKey: (keyId, tier, dialect, now) =>
      hit(`key:${keyId}`, windows.get(tier) ?? [], judgeOf[dialect], tables[dialect][tier], now),
    byAddress(ip, now, bucket = { name: 'address', perMinute: addressPerMinute }) {
      const own = { limit: bucket.perMinute, windowMs: MINUTE, ceiling: bucket.perMinute };
      return hit(`${bucket.name}:${addressGroup(ip)}`, [own], 0, own, now);
    },
  };
};

/** 429 for a request that was not admitted. */
export const tooMany = ({ retryAfter, limit, resetAt }: RateState): DomainError =>
  new DomainError('rate_limit_exceeded', `Too many requests. Please retry after ${retryAfter} seconds.`, {
    retry_after: retryAfter,
    limit,
    remaining: 0,
    reset_at: seconds(new Date(resetAt * 1_000).toISOString()),
  });
