// The commands about API keys: from arguments to a request, from its answer to lines.
import { parseArgs } from 'node:util';
import type { Json, JsonObject } from '../domain/decider.js';
import type { CliRequest, ToldKey } from './requests.js';
import { UsageError } from './usage.js';

/** A command ready to be done: the request, and how its answer is shown. */
export type Prepared = { readonly request: JsonObject; show(answer: Json): string };

type Options = { readonly [name: string]: { readonly type: 'string' | 'boolean' } };

/** Values by option, and what stands beside them. Throws UsageError for anything else. */
const read = (args: readonly string[], options: Options, positionals = 0) => {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: positionals > 0 });
    if (parsed.positionals.length !== positionals) throw new UsageError('That takes exactly one id.');
    const texts = Object.entries(parsed.values).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    return { texts: Object.fromEntries(texts), flags: parsed.values, positionals: parsed.positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const [sentence = 'The options were not understood.'] = String((error as Error).message).split(
      /(?<=\.)\s|\n/,
    );
    throw new UsageError(sentence.replace(/\.?$/, '.'));
  }
};

const toldKeys = (answer: Json): ToldKey[] => answer as unknown as ToldKey[];
const prepared = (request: CliRequest, show: (keys: ToldKey[]) => string): Prepared => ({
  request: request as unknown as JsonObject,
  show: (answer) => show(toldKeys(answer)),
});

const text = { type: 'string' } as const;

const create = (args: readonly string[]): Prepared => {
  const { texts } = read(args, { email: text, workspace: text, role: text, name: text, scopes: text });
  const { email, scopes, ...rest } = texts;
  if (email === undefined) throw new UsageError('keys create needs --email.');
  const list = scopes?.split(',').map((scope) => scope.trim());
  const request = { command: 'keys.create', email, ...rest, ...(list ? { scopes: list } : {}) } as CliRequest;
  return prepared(request, (keys) =>
    keys
      .flatMap(({ id, publicId, name, workspace, scopes: held, key = '' }) => [
        `API key ${id} (${publicId}) "${name}" for workspace ${workspace}, scopes ${held.join(', ') || 'none'}.`,
        'It is shown this once:',
        key,
      ])
      .join('\n'),
  );
};

/** Columns as wide as their widest cell. */
const table = (rows: readonly (readonly string[])[]): string => {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

const list = (args: readonly string[]): Prepared => {
  const { texts, flags } = read(args, { workspace: text, status: text, json: { type: 'boolean' } });
  return prepared({ command: 'keys.list', ...texts } as CliRequest, (keys) => {
    if (flags['json'] === true) return JSON.stringify(keys, null, 2);
    if (keys.length === 0) return 'There are no API keys.';
    const rows = keys.map(({ id, prefix, name, workspace, status, scopes, lastUsedAt, expiresAt }) => [
      String(id),
      `${prefix}…`,
      status,
      workspace === null ? '-' : String(workspace),
      lastUsedAt ?? 'never',
      expiresAt ?? 'never',
      scopes.join(',') || '-',
      name,
    ]);
    return table([['ID', 'KEY', 'STATUS', 'WORKSPACE', 'LAST USED', 'EXPIRES', 'SCOPES', 'NAME'], ...rows]);
  });
};

const revoke = (args: readonly string[]): Prepared => {
  const { positionals } = read(args, {}, 1);
  return prepared({ command: 'keys.revoke', id: positionals[0] ?? '' }, (keys) =>
    keys.map(({ id, name }) => `API key ${id} "${name}" is revoked.`).join('\n'),
  );
};

const commands: Readonly<Record<string, (args: readonly string[]) => Prepared>> = { create, list, revoke };

/** Reads what stands after `keys`. Throws UsageError. */
export const keysCommand = ([name = '', ...args]: readonly string[]): Prepared => {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command)
    throw new UsageError(
      name === '' ? 'keys what? create, list or revoke.' : `There is no command keys ${name}.`,
    );
  return command(args);
};
