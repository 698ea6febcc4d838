// The built-in MCP server `filesystem`: files of a workspace, in a folder of its own.
import { isUtf8 } from 'node:buffer';
import { extname, join } from 'node:path';
import type { Json, JsonObject } from '../../domain/decider.js';
import { type DomainError, invalid, notFound } from '../../domain/errors.js';
import { listFolder, noFile, noFolder, readFile, refusalOf, writeFile } from './files.js';
import { type McpServer, type Tool, ToolError } from './port.js';
import { type Folder, openRoot } from './tree.js';

const path = (what: string) => ({ type: 'string', minLength: 1, maxLength: 1024, description: what });
const argumentsOf = (properties: JsonObject, required: string[]): JsonObject => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const tools: readonly Tool[] = [
  {
    name: 'read_file',
    description: 'Reads a file of the workspace. What is no UTF-8 text comes as base64.',
    inputSchema: argumentsOf({ path: path('Path of the file; a leading / is the workspace’s folder.') }, [
      'path',
    ]),
    repeatable: true,
  },
  {
    name: 'write_file',
    description: 'Writes a file of the workspace, in place of one that is there, and makes missing folders.',
    inputSchema: argumentsOf(
      {
        path: path('Path of the file; a leading / is the workspace’s folder.'),
        content: { type: 'string', description: 'What the file is to hold.' },
        encoding: {
          type: 'string',
          enum: ['utf-8', 'base64'],
          description: 'How the content is written; utf-8 unless said.',
        },
      },
      ['path', 'content'],
    ),
    repeatable: true,
  },
  {
    name: 'list_directory',
    description: 'Lists a folder of the workspace.',
    inputSchema: argumentsOf({ path: path('Path of the folder; / is the workspace’s folder.') }, ['path']),
    repeatable: true,
  },
];

const mimeTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.html': 'text/html',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.xml': 'application/xml',
};
const mimeTypeOf = (name: string, isText: boolean): string =>
  mimeTypes[extname(name).toLowerCase()] ?? (isText ? 'text/plain' : 'application/octet-stream');

const bytesOf = (content: string, encoding: string): Buffer => {
  const bytes = Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8');
  if (encoding === 'base64' && bytes.toString('base64').replace(/=+$/, '') !== content.replace(/=+$/, ''))
    throw invalid({ 'arguments.content': 'The arguments.content is not valid base64.' });
  return bytes;
};

/** No fault of the caller's: the disk is full, or closed to us. */
const broken = (cause: unknown) =>
  new ToolError('failed', 'The workspace’s files cannot be reached now.', { cause });

/** The system's threads for files are few, and what is open at once is limited for the whole process. */
const MAX_AT_ONCE = 32;

/** Runs so much at once; the rest waits, in the order of the calls. */
const atMost = (most: number) => {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < most) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
};

/** `dir` holds one folder for each workspace, named by its UUID and made when first needed. */
export const filesystemServer = (dir: string): McpServer => {
  const inTurn = atMost(MAX_AT_ONCE);

  const reach = async <T>(
    workspaceId: string,
    work: (root: Folder) => Promise<T>,
    missing: () => DomainError,
  ): Promise<T> => {
    const root = await openRoot(join(dir, workspaceId)).catch((error: unknown) => {
      throw broken(error);
    });
    try {
      return await work(root);
    } catch (error) {
      throw refusalOf(error, missing) ?? broken(error);
    } finally {
      await root.handle.close();
    }
  };

  const within = <T>(...args: Parameters<typeof reach<T>>): Promise<T> => inTurn(() => reach(...args));

  const readText = async (given: string, workspaceId: string) => {
    const { name, bytes } = await within(workspaceId, (root) => readFile(root, given), noFile);
    const isText = isUtf8(bytes);
    return {
      content: bytes.toString(isText ? 'utf8' : 'base64'),
      size: bytes.length,
      mimeType: mimeTypeOf(name, isText),
      ...(isText ? {} : { encoding: 'base64' as const }),
    };
  };

  const calls: Readonly<
    Record<string, (args: Record<string, string>, workspaceId: string) => Promise<Json>>
  > = {
    async read_file({ path = '' }, workspaceId) {
      const { mimeType: _, ...file } = await readText(path, workspaceId);
      return file;
    },
    async write_file({ path = '', content = '', encoding = 'utf-8' }, workspaceId) {
      const bytes = bytesOf(content, encoding);
      await within(workspaceId, (root) => writeFile(root, path, bytes), noFolder);
      return { path, size: bytes.length };
    },
    list_directory: async ({ path = '' }, workspaceId) => ({
      entries: await within(workspaceId, (root) => listFolder(root, path), noFolder),
    }),
  };

  return {
    id: 'filesystem',
    name: 'Filesystem Server',
    description: 'File and directory operations',
    tools: async () => tools,
    knownTools: () => tools,
    async call(tool, args, workspaceId) {
      const run = calls[tool];
      if (!run) throw notFound();
      // The arguments fit the schema: all are texts.
      return run(args as Record<string, string>, workspaceId);
    },
    async read(uri, workspaceId) {
      const { size: _, ...file } = await readText(uri.slice('filesystem://'.length), workspaceId);
      return file;
    },
    close: async () => undefined,
  };
};
