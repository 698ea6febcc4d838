// The rules of docs/architecture.md, held by reading the source.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

type Source = {
  readonly file: string;
  readonly opening: string;
  readonly lines: number;
  readonly text: string;
  readonly imports: readonly string[];
};

const sources: Source[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => {
    const source = readFileSync(join('src', file), 'utf8');
    const [opening = ''] = source.split('\n');
    // What comments say is not code; the opening line is looked at by itself.
    const text = source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    const lines = source.split('\n').length - 1;
    const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
    return {
      file,
      opening,
      lines,
      text,
      imports: found.map((name) => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name)),
    };
  });

/** Which folders a folder may import from, besides itself. */
const allowed: Record<string, readonly string[]> = {
  domain: [],
  dialects: ['domain'],
  adapters: ['domain'],
  commands: ['domain', 'adapters'],
  projections: ['domain', 'adapters'],
  deliveries: ['domain', 'dialects', 'adapters', 'commands', 'projections'],
  http: ['domain', 'dialects', 'adapters', 'commands', 'projections', 'deliveries'],
};
const folderOf = (file: string) => (file.includes('/') ? (file.split('/')[0] ?? '') : '');
const isLocal = (name: string) =>
  Object.keys(allowed).some((folder) => name.startsWith(`${folder}/`)) ||
  /^(app|cli|config|logger|main)\b.*\.js$/.test(name);
/** Outside adapters/ only ports are imported, and the pure helper that seals secrets. */
const openAdapters = /^adapters\/([a-z-]+\/port|seal)\.js$/;

const offences = (check: (source: Source) => readonly string[]) =>
  sources.flatMap((source) => check(source).map((what) => `${source.file}: ${what}`));

describe('the source', () => {
  it('was found', () => expect(sources.length).toBeGreaterThan(30));

  it('imports one way: domain ← dialects, commands, projections ← deliveries, http ← app ← main', () => {
    expect(
      offences(({ file, imports }) => {
        const folder = folderOf(file);
        const may = allowed[folder];
        if (!may) return [];
        return imports.filter(
          (name) => isLocal(name) && folderOf(name) !== folder && !may.includes(folderOf(name)),
        );
      }),
    ).toEqual([]);
  });

  it('sees only the ports of adapters, except in the composition root, the command line and the pages', () => {
    expect(
      offences(({ file, imports }) =>
        file.startsWith('adapters/') ||
        ['app.ts', 'cli.ts'].includes(file) ||
        file.startsWith('app/') ||
        file.startsWith('docs/') ||
        file.startsWith('cli/')
          ? []
          : imports.filter((name) => name.startsWith('adapters/') && !openAdapters.test(name)),
      ),
    ).toEqual([]);
  });

  it('keeps the domain pure: zod, uuid and its own folder, no clock or randomness but in new ids, no I/O', () => {
    expect(
      offences(({ file, imports, text }) => {
        if (folderOf(file) !== 'domain') return [];
        const isOfIds = file === 'domain/ids.ts'; // new ids are random and of their time, there and nowhere else
        const foreign = imports.filter(
          (name) =>
            !name.startsWith('domain/') &&
            !['zod', 'uuid', 'ipaddr.js'].includes(name) &&
            !(isOfIds && name === 'node:crypto'),
        );
        const impure = [...text.matchAll(/\b(Date\.now|new Date\(\)|Math\.random|console\.|process\.)/g)]
          .map((match) => match[0])
          .filter((name) => !(isOfIds && name === 'Date.now'));
        return [...foreign, ...impure];
      }),
    ).toEqual([]);
  });

  it('uses Express in http/ only, drivers in adapters/ only, process.env in config.ts only', () => {
    expect(
      offences(({ file, imports, text }) => [
        ...(folderOf(file) === 'http' ? [] : imports.filter((name) => name === 'express')),
        ...(folderOf(file) === 'adapters'
          ? []
          : imports.filter((name) =>
              ['mongodb', 'bullmq', 'ioredis', '@eventstore/db-client'].includes(name),
            )),
        ...(['adapters', 'http'].includes(folderOf(file))
          ? []
          : imports.filter((name) => name.startsWith('@modelcontextprotocol/'))),
        ...(file === 'config.ts' || !text.includes('process.env') ? [] : ['process.env']),
      ]),
    ).toEqual([]);
  });

  it('has no file over 250 lines, no default export, no barrel, no escape from the type system', () => {
    expect(
      offences(({ text, lines }) => [
        ...(lines > 250 ? [`${lines} lines`] : []),
        ...[
          ...text.matchAll(/export default|export \* from|: any\b|as any\b|@ts-ignore|@ts-expect-error/g),
        ].map((match) => match[0]),
      ]),
    ).toEqual([]);
  });

  it('opens every file with a line that says what it is for', () => {
    expect(offences(({ opening }) => (/^(\/\/ \S|#!)/.test(opening) ? [] : ['no opening line']))).toEqual([]);
  });
});
