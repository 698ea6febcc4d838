import { readFileSync } from 'node:fs';
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
