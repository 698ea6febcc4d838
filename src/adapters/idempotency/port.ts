// Idempotency records (contract D.8, design 7.1). Every adapter passes test/contract/idempotency.ts.

/** What a run will use, stored before anything is appended, so that a run after a crash uses the same. */
export type Started = {
  readonly commandId: string;
  /** HMAC of the request (hex). */
  readonly fingerprint: string;
  /** 32 random bytes, base64: all randomness of the run is derived from it. Sealed at rest. */
  readonly seed: string;
  /** ISO instant of the first run. */
  readonly at: string;
};

/** The stored answer. `body` is the exact text; sealed at rest. `person`: whose key (UUID) the body is sealed with besides. */
export type StoredAnswer = {
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, string>;
  readonly person?: string;
};

export type Begun =
  /**
   * No record, or an older run's that lapsed: run it. `retry` = look for its events first. `doubtful` = there may have
   * been a record before, which was lost: when the first run began is not known.
   */
  | { readonly state: 'run'; readonly started: Started; readonly retry: boolean; readonly doubtful?: true }
  | { readonly state: 'in_progress' }
  | { readonly state: 'reused' }
  | { readonly state: 'finished'; readonly answer: StoredAnswer };

export interface Idempotency {
  /**
   * Claims `key`; resolves once *started* is durable. `fresh` is used when there is no record within 24 h.
   * A live run of this process answers `in_progress`; another fingerprint answers `reused`.
   */
  begin(key: string, fresh: Started): Promise<Begun>;
  /** Stores the answer. `durable` waits for the disk (needed when nothing was appended). */
  finish(key: string, answer: StoredAnswer, options: { durable: boolean }): Promise<void>;
  /** Ends the claim without an answer (401, 429, 5xx): the next try runs again, looking for its events first. */
  release(key: string): Promise<void>;
  close(): Promise<void>;
}
