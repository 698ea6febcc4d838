// Names of event types on the wire: which may be subscribed to, which are reserved, and what a subscription matches.

/** Longest name of an event type, wildcard included. */
export const MAX_TYPE_LENGTH = 100;

const WORD = '[A-Za-z0-9_-]+';
const name = new RegExp(`^${WORD}(?:\\.${WORD}){1,2}$`);
const subscribable = new RegExp(`^(?:\\*|${WORD}(?:\\.${WORD}){1,2}|${WORD}(?:\\.${WORD})?\\.\\*)$`);

/** First words of the service's own types: nobody else may publish them. */
const reservedWords: ReadonlySet<string> = new Set([
  'workspace',
  'namespace',
  'user',
  'api_key',
  'webhook',
  'usage',
  'entitlement',
  'seo',
  'mcp',
  'pixel',
]);

/** `a.b` or `a.b.c`. */
export const isEventType = (text: string): boolean => text.length <= MAX_TYPE_LENGTH && name.test(text);

/** An event type, `resource.*` or `*`. */
export const isSubscribable = (text: string): boolean =>
  text.length <= MAX_TYPE_LENGTH && subscribable.test(text);

/** True for names that only the service itself may use. Case does not matter, lest look-alikes are published. */
export const isReserved = (type: string): boolean =>
  reservedWords.has((type.split('.', 1)[0] ?? '').toLowerCase());

type Compiled = {
  readonly everything: boolean;
  readonly exact: ReadonlySet<string>;
  readonly prefixes: readonly string[];
};

const compile = (patterns: readonly string[]): Compiled => ({
  everything: patterns.includes('*'),
  exact: new Set(patterns),
  prefixes: patterns.filter((pattern) => pattern.endsWith('.*')).map((pattern) => pattern.slice(0, -1)),
});

/** Records are never mutated, so a list of patterns is compiled once and forgotten with its record. */
const compiled = new WeakMap<readonly string[], Compiled>();

/** Whether a subscription takes an event type. `*` leaves out high-volume types: they are to be named, or by `resource.*`. */
export const matches = (patterns: readonly string[], type: string, highVolume: boolean): boolean => {
  let known = compiled.get(patterns);
  if (!known) {
    known = compile(patterns);
    compiled.set(patterns, known);
  }
  if (known.everything && !highVolume) return true;
  return known.exact.has(type) || known.prefixes.some((prefix) => type.startsWith(prefix));
};
