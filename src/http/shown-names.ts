// The names that `fields` and `include` of an endpoint take, for its documentation: read off what shows its records.
import { type Dialect, dialects, type Views } from '../dialects/dialect.js';

/** `usual`: what is shown of `all` where `fields` is not sent. Without relations there is no `include`. */
export type ShownNames = {
  readonly fields: Readonly<
    Record<Dialect, { readonly all: readonly string[]; readonly usual: readonly string[] }>
  >;
  readonly relations: readonly string[];
};

/** Of records; `relations`: what loads them, by name. */
export const shownNames = (
  views: Views<never>,
  shape: 'list' | 'single',
  relations: object = {},
): ShownNames => {
  const of = (dialect: Dialect) => ({
    all: Object.keys(views[dialect].fields),
    usual: views[dialect][shape],
  });
  return { fields: { 2026: of('2026'), 2024: of('2024') }, relations: Object.keys(relations) };
};

/** Of items that are shown whole, alike in both dialects. */
export const wholeNames = (all: readonly string[]): ShownNames => {
  const fields = { all, usual: all };
  return { fields: { 2026: fields, 2024: fields }, relations: [] };
};

const quoted = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

/** A sentence on what each dialect has, or on both where that is the same. */
const sentences = (begin: string, of: (dialect: Dialect) => readonly string[]): string[] => {
  const [first, ...others] = dialects.map((dialect) => quoted(of(dialect)));
  const told = others.every((other) => other === first)
    ? [[begin, first] as const]
    : dialects.map((dialect) => [`${begin} in the dialect ${dialect}`, quoted(of(dialect))] as const);
  return told.filter(([, names]) => names !== '').map(([words, names]) => `${words}: ${names}.`);
};

const without = (names: readonly string[], others: readonly string[]) =>
  names.filter((name) => !others.includes(name));

/** Of the parameter `fields` or `include`: every name that some dialect takes, and what is to be said about them. */
export const namesTaken = (
  { fields, relations }: ShownNames,
  parameter: 'fields' | 'include',
): { readonly names: readonly string[]; readonly notes: readonly string[] } => {
  if (parameter === 'include') return { names: relations, notes: [] };
  const other: Readonly<Record<Dialect, Dialect>> = { 2026: '2024', 2024: '2026' };
  return {
    names: [...new Set(dialects.flatMap((dialect) => fields[dialect].all))],
    notes: [
      ...sentences('Shown only when asked for', (dialect) =>
        without(fields[dialect].all, fields[dialect].usual),
      ),
      ...sentences('Known only', (dialect) => without(fields[dialect].all, fields[other[dialect]].all)),
    ],
  };
};
