// MCP servers: what they offer, and calls of their tools. Held by test/contract/mcp-servers.*.test.ts.
import type { Json, JsonObject } from '../../domain/decider.js';

export type Tool = {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments: an object. */
  readonly inputSchema: JsonObject;
  /** The server says that a second call with the same arguments does no more than the first. */
  readonly repeatable: boolean;
};

/** One document. `encoding` says that `content` is base64 of bytes that are no UTF-8 text. */
export type Resource = {
  readonly content: string;
  readonly mimeType?: string;
  readonly encoding?: 'base64';
};

export interface McpServer {
  /** As callers name it, and the scheme of its resources. */
  readonly id: string;
  /** What people call it; may become known with the first connection. */
  readonly name: string;
  readonly description: string;
  /** The tools as last told; asks where that was long ago. Throws ToolError when none were ever told. */
  tools(): Promise<readonly Tool[]>;
  /** The tools as last told, without asking. */
  knownTools(): readonly Tool[];
  /**
   * Calls a tool for a workspace (UUID). `args` fit the tool's schema. Answers any JSON, of at most 1 MiB. Throws
   * ToolError, or a DomainError of the tool's own for arguments that it does not take.
   */
  call(tool: string, args: JsonObject, workspaceId: string): Promise<Json>;
  /** A resource by `<id>://<path>`; undefined when there is none. Throws ToolError, DomainError. */
  read(uri: string, workspaceId: string): Promise<Resource | undefined>;
  /** Ends connections and processes; none is left behind. */
  close(): Promise<void>;
}

/** `failed`: the tool answered so, or broke off. `timeout`: no answer in time. `unreachable`: it never got the call. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly kind: 'failed' | 'timeout' | 'unreachable';
  /** `message` is shown to callers: nothing secret, no stack, no path of this machine. */
  constructor(kind: 'failed' | 'timeout' | 'unreachable', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Longest answer of a tool, in bytes of JSON. */
export const MAX_ANSWER_BYTES = 1_048_576;
