import { describe, expect, it } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { Row } from '../../src/adapters/read-models/port.js';
import { models } from '../../src/app/models.js';
import { feedExamples } from '../support/example-rows.js';

const rowsOf = new Map<string, Row[]>(models.map(({ name }) => [name, []]));
const readModels = embeddedReadModels(models);
await feedExamples(readModels, async () => {
  for (const { name } of models)
    rowsOf.get(name)?.push(...(await readModels.find(name, { where: [], deleted: true })));
});

const ofEveryRow = new Set(['id', 'position', 'revision', 'deleted']);
const own = (row: Row) => Object.entries(row).filter(([name]) => !ofEveryRow.has(name));

const isText = (value: unknown) => typeof value === 'string';
const bases: Record<string, (value: unknown) => boolean> = {
  text: isText,
  sealed: (value) => isText(value) && String(value).startsWith('k1.'),
  uuid: (value) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(String(value)),
  instant: (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value)),
  integer: Number.isSafeInteger,
  number: Number.isFinite,
  boolean: (value) => typeof value === 'boolean',
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};
const fits = (type: string, value: unknown): boolean => {
  if (type.endsWith('?')) return value === null || fits(type.slice(0, -1), value);
  if (type.endsWith('[]')) return Array.isArray(value) && value.every((one) => fits(type.slice(0, -2), one));
  return bases[type]?.(value) ?? false;
};

describe.each(models)('the rows of $name', ({ name, fields, indexes, holds }) => {
  const described = new Map(Object.entries<readonly [string, string]>(fields));
  const rows = rowsOf.get(name) ?? [];

  it('have the fields that are described, each of the type that is said, and no other', () => {
    const had = new Set(rows.flatMap((row) => own(row).map(([field]) => field)));
    expect([...had].sort()).toEqual([...described.keys()].sort());
    const amiss = rows.flatMap((row) =>
      own(row)
        .filter(([field, value]) => !fits(described.get(field)?.[0] ?? '', value))
        .map(([field, value]) => `${field}: ${JSON.stringify(value)}`),
    );
    expect(amiss).toEqual([]);
  });

  it('are said what they stand for, in sentences, and are found by fields that they have', () => {
    for (const said of [holds, ...[...described.values()].map(([, meaning]) => meaning)]) {
      expect(said).toMatch(/\.$/);
      expect(said).not.toContain('|');
    }
    expect(indexes.filter((field) => !described.has(field))).toEqual([]);
  });
});
