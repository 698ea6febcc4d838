// One table row per endpoint: path, permission, schemas, documentation, handler. Everything else reads this table.
import type { z } from 'zod';
import type { CommandContext } from '../commands/context.js';
import type { Dialect } from '../dialects/dialect.js';
import type { Soon } from '../domain/soon.js';
import type { ApiKeyRow } from '../projections/api-keys.js';
import type { NamespaceRow } from '../projections/namespaces.js';
import type { WorkspaceRow } from '../projections/workspaces.js';
import type { contextParameters } from './context.js';
import type { ShownNames } from './shown-names.js';

/** Who asks: the key of the request, its user, and the workspace that the key belongs to. */
export type Caller = { readonly key: ApiKeyRow; readonly userId: string; readonly home: WorkspaceRow };

/** One authorised, validated request, as a handler sees it. */
export type Exchange<Q, B> = {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  readonly dialect: Dialect;
  readonly requestId: string;
  readonly caller: Caller;
  /** The context workspace: named by header or query, else that of the namespace, else the key's own. */
  readonly workspace: WorkspaceRow;
  /** The context namespace, where header or query name one. */
  readonly namespace: NamespaceRow | undefined;
  /** Identity, time and randomness of this write; on reads it stands for nothing. */
  readonly command: CommandContext;
  /** Revision named by `If-Match`; -2 where it names one that no record can have. */
  readonly ifMatch?: number;
  /** Query parameters as sent, for links. */
  readonly search: URLSearchParams;
  readonly now: Date;
  /** Absolute URL of this endpoint without its query, for links. */
  url(): string;
  /** Where whoever asks can have a higher limit. */
  upgradeUrl(): string;
  /** A request header, where the request has it. `name` in lower case. */
  header(name: string): string | undefined;
  /** True when the key holds `scope`. */
  holds(scope: string): boolean;
};

/** What a handler answers. Without `body` and `content` the answer is empty. */
export type Answer = {
  readonly status: number;
  readonly body?: object;
  /** A body that is no JSON, of a GET. */
  readonly content?: { readonly type: string; readonly bytes: string | Buffer };
  readonly headers?: Readonly<Record<string, string>>;
  /** Revision for the ETag of a single record. */
  readonly revision?: number;
  /** True when the body shows more than the record's own stream, so that an equal revision does not mean an equal body. */
  readonly joined?: boolean;
  /**
   * Position that is waited for before answering: of what this write appended. A POST or DELETE leaves it out when
   * it may have appended nothing.
   */
  readonly position?: number;
  /** True when what this write did is in the log although nothing is waited for: a retry finds it there. */
  readonly logged?: boolean;
  /** True when the same request may get a better answer later: this one is not remembered for its Idempotency-Key. */
  readonly unsettled?: boolean;
  /** True when this write can be made again for its answer, and does no more: a long one is then not kept. */
  readonly repeatable?: boolean;
  /** The person (UUID) whose name or address the body of this write shows: what is kept of it can be read only as long as they are not erased. */
  readonly person?: string;
};

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

/** What docs and OpenAPI say about one endpoint. */
export type RouteDoc = {
  /** camelCase, unique: `createWorkspace`. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Path parameters and what they name; with an example where that is no id of a record. */
  readonly params?: Readonly<
    Record<string, string | { readonly description: string; readonly example: string }>
  >;
  readonly requestExample?: unknown;
  /** Success: status, description, example body in the default dialect. */
  readonly success: {
    readonly status: number;
    readonly description: string;
    readonly example?: unknown;
    /** The same in the older dialect, where it differs. */
    readonly example2024?: unknown;
    /** Media type of a body that is no JSON. */
    readonly type?: string;
    /** Of the body; without it the schema follows from the example. */
    readonly schema?: z.ZodType;
    /** Names of fields that may be null, though the example shows a value; those of an empty page are known. */
    readonly nullable?: readonly string[];
  };
  /** What query parameters of the context mean here, where it is more than the context. */
  readonly context?: Readonly<Partial<Record<(typeof contextParameters)[number], string>>>;
  /** Refusals beyond those that every endpoint shares: status → description. */
  readonly refusals?: Readonly<Record<number, string>>;
};

export type Route<Q = unknown, B = unknown> = {
  readonly method: Method;
  /** Express path below /api/v1: `/workspaces/:id`; `*rest` at its end takes all that is left, slashes included. */
  readonly path: string;
  /** Scope that the key must hold; 'any' = any valid key; 'none' = no authentication, and no `caller` then. */
  readonly scope: string;
  /** For routes without authentication: a bucket of their own, by client address. */
  readonly bucket?: { readonly name: string; readonly perMinute: number };
  /** True where pages of any site may call it: for routes without authentication. */
  readonly cors?: true;
  /** Most bytes of its body; 1 MiB where nothing is said. */
  readonly maxBody?: number;
  /** Query schema, an object of texts; every parameter that it does not name is refused. */
  readonly query?: z.ZodType<Q>;
  /** What `fields` and `include` take, where the query has them. */
  readonly shows?: ShownNames;
  /** Body schema (strict). Without it a body must be absent or an empty object. */
  readonly body?: z.ZodType<B>;
  /**
   * What this command can do to the very key that sends it: then that key may still repeat it. The path parameter `id`
   * names the key for `revoked` and `grace`, its workspace for `workspace` and `membership`, its user for `user`.
   */
  readonly endsKey?: 'revoked' | 'grace' | 'workspace' | 'membership' | 'user';
  /** True for a POST that changes the record that its path names: `If-Match` is held against that. */
  readonly changesRecord?: true;
  readonly doc: RouteDoc;
  handle(exchange: Exchange<Q, B>): Soon<Answer>;
};

/** Infers the schemas' types for the handler. */
export const route = <Q = undefined, B = undefined>(definition: Route<Q, B>): Route =>
  definition as unknown as Route;
