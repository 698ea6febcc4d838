// The file MCP_CONFIG, in the usual `mcpServers` form: which servers there are and how they are reached.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const texts = z.record(z.string(), z.string());
const shown = {
  name: z.string().optional(),
  description: z.string().optional(),
  disabled: z.boolean().optional(),
};

/** Keys that other programs keep in this file are left alone. */
const local = z.object({
  ...shown,
  type: z.literal('stdio').optional(),
  command: z.string().min(1),
  args: z.array(z.string()).optional(),
  env: texts.optional(),
  cwd: z.string().optional(),
});
const remote = z.object({
  ...shown,
  type: z.enum(['http', 'streamable-http', 'streamableHttp']).optional(),
  url: z.string().refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)),
  headers: texts.optional(),
});

type Shown = { readonly id: string; readonly name?: string; readonly description?: string };
/** A server that this process runs, and talks to over its standard input and output. */
export type LocalServer = Shown & {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
};
/** A server that is reached over streamable HTTP. */
export type RemoteServer = Shown & {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
};
export type ServerSettings = LocalServer | RemoteServer;

/** An id is the scheme of the server's resources too. */
const idForm = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;

/** Never holds a value of the file: it may be a secret. */
const fault = (what: string) => new Error(`MCP_CONFIG ${what}`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const without = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;

const serverOf = (id: string, entry: unknown): ServerSettings[] => {
  const at = `names a server "${id.slice(0, 64)}"`;
  if (!idForm.test(id))
    throw fault(`${at}: a name has at most 64 letters, digits, dots, hyphens, underscores and plus signs.`);
  if (id === 'filesystem') throw fault(`${at}, which is built in: give it another name.`);
  if (!isObject(entry) || 'command' in entry === 'url' in entry)
    throw fault(`${at} that must have either a command or a url.`);
  const parsed = 'command' in entry ? local.safeParse(entry) : remote.safeParse(entry);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    if (issue?.path[0] === 'type') throw fault(`${at} of a type that is not known: it can be stdio or http.`);
    throw fault(`${at} whose "${issue?.path.join('.')}" is not what it must be.`);
  }
  const { disabled, type: _, ...rest } = parsed.data;
  if (disabled) return [];
  return 'command' in rest
    ? [without({ id, ...rest, args: rest.args ?? [], env: rest.env ?? {} }) as LocalServer]
    : [without({ id, ...rest, headers: rest.headers ?? {} }) as RemoteServer];
};

/** The servers that the file names. Throws one plain sentence that begins with MCP_CONFIG. */
export const readServerSettings = async (file: string): Promise<ServerSettings[]> => {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw fault(`names the file ${file}, which cannot be read (${error.code}).`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault(`names the file ${file}, which is not valid JSON.`);
  }
  const servers = isObject(value) ? value['mcpServers'] : undefined;
  if (!isObject(servers)) throw fault(`names the file ${file}, which has no object "mcpServers".`);
  return Object.entries(servers).flatMap(([id, entry]) => serverOf(id, entry));
};
