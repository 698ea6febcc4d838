// The first steps of every request under /api/v1: whose is it, how many may there be, in which dialect.
import type { IncomingHttpHeaders } from 'node:http';
import { alwaysSure, type ReadModels, type Surely } from '../adapters/read-models/port.js';
import type { Dialect } from '../dialects/dialect.js';
import { DomainError } from '../domain/errors.js';
import { type Soon, whenThere } from '../domain/soon.js';
import { type CheckedKey, checkKeySurely, secretIn } from './auth.js';
import { askedDialect, unknownDialect } from './context.js';
import { endedCaller } from './ended-keys.js';
import { unauthorized } from './errors.js';
import { type Limiter, type RateState, tooMany } from './rate-limit.js';
import type { Caller, Route } from './route.js';

/** What the gate says. Without `caller` there is a `refusal`, or nobody needs to be known. */
export type Admission = {
  readonly dialect: Dialect;
  readonly rate: RateState;
  readonly caller?: Caller;
  readonly refusal?: DomainError;
  /** The key has ended: it may only repeat the command that ended it. */
  readonly ended: boolean;
};

export type Asked = {
  readonly headers: IncomingHttpHeaders;
  readonly ip: string;
  readonly now: Date;
  /** The same instant (ISO, ms). */
  readonly at: string;
  /** The endpoint, when the request names one. */
  readonly route: Route | undefined;
  readonly params: Readonly<Record<string, string>>;
};

export type GateDeps = {
  readonly readModels: ReadModels;
  readonly limiter: Limiter;
  readonly dialect: Dialect;
  /** Called for every request that a valid key makes. */
  noteKeyUse(keyId: string, now: Date): void;
  /** Throws while rows may be missing, so that nobody can be told anything. */
  requireRows?(): void;
  /** Makes sure that a key was not refused because of rows that were not whole. */
  readonly surely?: Surely;
};

const unknownKey: CheckedKey = { verdict: 'NOT_FOUND' };

export const createGate = (deps: GateDeps) => {
  const { readModels, limiter, dialect: usual, noteKeyUse, surely = alwaysSure } = deps;

  const withoutKey = async (asked: Asked, checked: CheckedKey): Promise<Admission> => {
    const { headers, ip, now } = asked;
    const wanted = askedDialect(headers);
    const stored = 'key' in checked ? checked.key.dialect : null;
    const dialect = (wanted === 'unknown' ? undefined : wanted) ?? stored ?? usual;
    const rate = await limiter.byAddress(ip, now.getTime());
    if (!rate.admitted) return { dialect, rate, refusal: tooMany(rate), ended: false };
    if (checked.verdict === 'IP_NOT_ALLOWED') {
      const refusal = new DomainError('access_denied', 'IP address not allowed for this API key.');
      return { dialect, rate, refusal, ended: false };
    }
    const caller = await endedCaller(readModels, asked, checked);
    const refusal = unauthorized(headers.authorization === undefined);
    return caller
      ? { dialect, rate, caller, refusal, ended: true }
      : { dialect, rate, refusal, ended: false };
  };

  const withoutAuthentication = async ({ headers, ip, now, route }: Asked): Promise<Admission> => {
    const wanted = askedDialect(headers);
    const rate = await limiter.byAddress(ip, now.getTime(), route?.bucket);
    const refusal = rate.admitted ? (wanted === 'unknown' ? unknownDialect() : undefined) : tooMany(rate);
    const dialect = wanted === undefined || wanted === 'unknown' ? usual : wanted;
    return { dialect, rate, ended: false, ...(refusal ? { refusal } : {}) };
  };

  const withKey = (asked: Asked, { key, home }: Pick<Caller, 'key' | 'home'>): Soon<Admission> => {
    const { headers, now } = asked;
    noteKeyUse(key.id, now);
    const wanted = askedDialect(headers);
    const dialect = (wanted === 'unknown' ? undefined : wanted) ?? key.dialect ?? usual;
    const caller = { key, userId: key.userId, home };
    const counted = limiter.byKey(key.id, key.rateLimitTier ?? home.tier, dialect, now.getTime());
    return whenThere(counted, (rate): Admission => {
      if (!rate.admitted) return { dialect, rate, caller, refusal: tooMany(rate), ended: false };
      if (wanted === 'unknown') return { dialect, rate, caller, refusal: unknownDialect(), ended: false };
      return { dialect, rate, caller, ended: false };
    });
  };

  /** Request → who, how many, in which dialect; the refusal, if it ends here. */
  return (asked: Asked): Soon<Admission> => {
    const { headers, ip, at, route } = asked;
    deps.requireRows?.();
    if (route?.scope === 'none') return withoutAuthentication(asked);
    const secret = headers.authorization === undefined ? '' : secretIn(headers.authorization);
    const looked = secret === '' ? unknownKey : checkKeySurely(surely, readModels, secret, at, ip);
    return whenThere(looked, (checked) =>
      checked.verdict === 'VALID' ? withKey(asked, checked) : withoutKey(asked, checked),
    );
  };
};
