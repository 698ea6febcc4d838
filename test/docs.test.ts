import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readModelsPage } from '../src/docs/read-models.js';
import { errorsPage, eventsPage } from '../src/docs.js';

const stored = (page: string) => readFileSync(`docs/${page}.md`, 'utf8');

describe('the pages made from the code', () => {
  it('are stored as the code has them: events (else run `npm run docs`)', () =>
    expect(stored('events')).toBe(eventsPage()));
  it('are stored as the code has them: errors (else run `npm run docs`)', () =>
    expect(stored('errors')).toBe(errorsPage()));
  it('are stored as the code has them: read models (else run `npm run docs`)', () =>
    expect(stored('read-models')).toBe(readModelsPage()));
});

describe('the records of decisions', () => {
  it('are numbered without gaps, each number once, and carry it in their title', () => {
    const files = readdirSync('docs/decisions').toSorted();
    const numbers = files.map((file) => Number(file.slice(0, 4)));
    expect(numbers).toEqual(files.map((_, n) => n + 1));
    for (const [n, file] of files.entries())
      expect(readFileSync(`docs/decisions/${file}`, 'utf8')).toMatch(new RegExp(`^# ${numbers[n]}\\. \\S`));
  });
});
