// What a tool's answer comes to, and what is told of a failure: both from somebody else, so cut to size and cleaned.
import type { CallToolResult, ReadResourceResult } from '@modelcontextprotocol/sdk/types.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import type { Json } from '../../domain/decider.js';
import { TOO_LARGE } from './bounded-fetch.js';
import { MAX_ANSWER_BYTES, type Resource, ToolError } from './port.js';

const MAX_SENTENCE = 500;

/** One line of a foreign text. */
const clean = (text: string): string => {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > MAX_SENTENCE ? `${line.slice(0, MAX_SENTENCE)}…` : line;
};

export const tooLarge = (id: string) =>
  new ToolError('failed', `The MCP server ${id} answered more than 1 MiB.`);
export const unreachable = (id: string, cause?: unknown) =>
  new ToolError('unreachable', `The MCP server ${id} cannot be reached now.`, { cause });

/** An object or a list when the text is one; else the text. */
const parsed = (text: string): Json => {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
};

const MAX_DEPTH = 100;
/** True for what is nested so deeply that it could not be passed on. */
const isBottomless = (value: unknown, depth = 0): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (depth === MAX_DEPTH || Object.values(value).some((part) => isBottomless(part, depth + 1)));

/**
 * The structured content; else the only text, as JSON where it is an object or a list; else the list of contents, null
 * when there is none. Throws ToolError when the tool says that it has failed, or says too much.
 */
export const resultOf = (id: string, { content, structuredContent, isError }: CallToolResult): Json => {
  const [first] = content;
  if (isError) {
    const said = clean(content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join(' '));
    throw new ToolError('failed', said === '' ? 'The tool failed.' : `The tool failed: ${said}`);
  }
  const only = content.length === 1 && first?.type === 'text' ? parsed(first.text) : null;
  const result = (structuredContent ?? only ?? (content.length === 0 ? null : content)) as Json;
  if (isBottomless(result))
    throw new ToolError('failed', `The MCP server ${id} did not give a valid answer.`);
  if (Buffer.byteLength(JSON.stringify(result)) > MAX_ANSWER_BYTES) throw tooLarge(id);
  return result;
};

/** The first content of a resource. */
export const resourceOf = ({ contents }: ReadResourceResult): Resource | undefined => {
  const [first] = contents;
  if (!first) return undefined;
  const mime = first.mimeType === undefined ? {} : { mimeType: first.mimeType };
  return 'text' in first
    ? { content: first.text, ...mime }
    : { content: first.blob, encoding: 'base64', ...mime };
};

const RESOURCE_NOT_FOUND = -32_002;

/** True when the server says that there is no such resource. */
export const saysNotFound = (error: unknown): boolean =>
  error instanceof McpError && (error.code === RESOURCE_NOT_FOUND || error.code === ErrorCode.InvalidParams);

const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Why there was no connection over which to send. */
const isNeverSent = (error: unknown): boolean => {
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown[] };
  if (typeof code === 'string' && neverSent.has(code)) return true;
  if (errors?.length) return errors.every(isNeverSent);
  return cause !== undefined && isNeverSent(cause);
};

/** A failure of a request, in words for callers. */
export const failureOf = (id: string, error: unknown): ToolError => {
  if (error instanceof ToolError) return error;
  const message = error instanceof Error ? error.message : '';
  if (message.includes(TOO_LARGE)) return tooLarge(id);
  if (error instanceof McpError) {
    if (error.code === ErrorCode.RequestTimeout)
      return new ToolError('timeout', `The MCP server ${id} did not answer in time.`, { cause: error });
    if (error.code === ErrorCode.ConnectionClosed)
      return new ToolError('failed', `The MCP server ${id} broke off the call.`, { cause: error });
    const said = clean(message.replace(/^(?:MCP error -?\d+: )+/, ''));
    return new ToolError('failed', `The MCP server ${id} refused the call: ${said}`, { cause: error });
  }
  if (isNeverSent(error)) return unreachable(id, error);
  return new ToolError('failed', `The MCP server ${id} did not give a valid answer.`, { cause: error });
};
