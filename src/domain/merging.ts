// How records take changes: free-form parts merge by their top-level keys, the rest is replaced.
import { invalid } from './errors.js';

/** Most keys that the metadata of a record may have. */
const MAX_METADATA_KEYS = 50;

/** Equal as JSON. */
export const same = (left: unknown, right: unknown): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

/** A top-level merge; a null value removes the key. */
export const merged = <V>(
  old: Readonly<Record<string, V>>,
  patch: Readonly<Record<string, V | null>>,
): Record<string, V> =>
  Object.fromEntries(
    Object.entries({ ...old, ...patch }).filter((entry): entry is [string, V] => entry[1] !== null),
  );

/** What is given of a record's fields: those that are undefined stay as they were. */
export const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;

type Changes = { readonly metadata?: Record<string, string | null> | undefined };

/** What of the wanted changes would change anything; metadata by key. */
export const differing = <C extends Changes>(
  record: { readonly metadata: Readonly<Record<string, string>> },
  { metadata = {}, ...plain }: C,
): C => {
  const held = record as Readonly<Record<string, unknown>>;
  const changed = Object.entries(plain).filter(
    ([field, value]) => value !== undefined && !same(value, held[field]),
  );
  const patch = Object.entries(metadata).filter(([key, value]) => (record.metadata[key] ?? null) !== value);
  // A part of the changes, each as it was.
  return {
    ...Object.fromEntries(changed),
    ...(patch.length === 0 ? {} : { metadata: Object.fromEntries(patch) }),
  } as C;
};

/** Throws 422 when a merge has made more metadata than a record may have. */
export const requireFewKeys = (metadata: object): void => {
  if (Object.keys(metadata).length > MAX_METADATA_KEYS)
    throw invalid({ metadata: `The metadata may not have more than ${MAX_METADATA_KEYS} keys.` });
};

/** Most characters that the settings of a record may have as JSON, all keys together. */
const MAX_SETTINGS = 262_144;

/** Throws 422 when what a merge has made is larger than a record may be. */
export const requireSmall = ({ settings, metadata }: { settings: object; metadata: object }): void => {
  requireFewKeys(metadata);
  if (JSON.stringify(settings).length > MAX_SETTINGS)
    throw invalid({ settings: 'The settings may not be larger than 256 KiB in all.' });
};
