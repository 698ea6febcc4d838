// What consumes the log: projections and reactors.
import type { Batch } from '../adapters/event-log/port.js';

/** What a store holds for a handler: how far it has come (-1 = nowhere), and which rows, as `Standing` says it. */
export type Stored = { readonly position: number; readonly build?: string | undefined };

/** A consumer of the log. `handle` gets only events of its `types`, and survives getting one twice. */
export type Handler = {
  readonly name: string;
  readonly types: ReadonlySet<string>;
  /** Position it has handled up to; -1 = nothing. Called before the first batch, and again after RowsLost. */
  start(): Promise<number>;
  /** Handles a run of events; everything up to `position` is then behind it. Throwing has it retried. */
  handle(batch: Batch): Promise<void>;
  /** Takes note that nothing up to `position` concerned it; false = it has to be handed the empty batch. */
  skip?(position: number): boolean;
  /** What its store holds, whoever put it there. */
  look?(): Promise<Stored>;
  /** Nothing more will come for now: what is only in memory is stored. It may be started again. */
  stop?(): Promise<void>;
};

/** Where and why a handler fails. `stopped`: it was given up there until the next start. */
export type Failing = { readonly eventPosition: number; readonly message: string; readonly stopped: boolean };

/** `held`: this process feeds it. `rebuilding`: rows that were there are not there yet again. */
export type HandlerState = {
  readonly name: string;
  readonly position: number;
  readonly held: boolean;
  readonly rebuilding: boolean;
  readonly failing?: Failing;
};
