// How records take changes: free-form parts merge by their top-level keys, the rest is replaced.
import { invalid } from './errors.js';

/** Most keys that the metadata of a record may have. */
export const MAX_METADATA_KEYS = 50;

/** Equal as JSON. */
export const same = (left: unknown, right: unknown): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

/** A top-level merge; a null value removes the key. */
export const merged = <V>(
  old: Readonly<Record<string, V>>,
  patch: Readonly<Record<string, V | null>>,
): Record<string, V> => {
  const next: Record<string, V> = { ...old };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete next[key];
    else next[key] = value;
  }
  return next;
};

/** What is given of a record's fields: those that are undefined stay as they were. */
export const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;

/** Most characters that the settings of a record may have as JSON, all keys together. */
const MAX_SETTINGS = 262_144;

/** Throws 422 when what a merge has made is larger than a record may be. */
export const requireSmall = ({ settings, metadata }: { settings: object; metadata: object }): void => {
  if (Object.keys(metadata).length > MAX_METADATA_KEYS)
    throw invalid({ metadata: `The metadata field may not have more than ${MAX_METADATA_KEYS} keys.` });
  if (JSON.stringify(settings).length > MAX_SETTINGS)
    throw invalid({ settings: 'The settings may not be larger than 256 KiB in all.' });
};
