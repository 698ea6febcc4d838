// The body of a webhook: the record that the event is about, folded from its stream to that very event.
import { LRUCache } from 'lru-cache';
import { categoryOf, type EventLog } from '../adapters/event-log/port.js';
import type { Streams } from '../commands/handle.js';
import { type Dialect, render, type Views } from '../dialects/dialect.js';
import { payload } from '../dialects/payloads.js';
import { personalNames, wireNameOf } from '../domain/catalogue.js';
import type { DomainEvent, Recorded } from '../domain/decider.js';

/** The record that an event is about, as each dialect shows it. */
export type Area = (event: Recorded) => Promise<(dialect: Dialect) => Record<string, unknown>>;
/** By category of streams. */
export type Areas = Readonly<Record<string, Area>>;

/** Records of one area. */
export const recordArea =
  <S, C, E extends DomainEvent, R>(
    streams: Pick<Streams<S, C, E>, 'at'>,
    recordOf: (state: S) => R | undefined,
    views: Views<R>,
  ): Area =>
  async ({ stream, revision }) => {
    const { state } = await streams.at(stream.slice(stream.indexOf('-') + 1), revision);
    const record = recordOf(state);
    if (!record) throw new Error(`no record in ${stream} at revision ${revision}`);
    return (dialect) => render(views[dialect], record, 'told');
  };

/** The caller's own events: their data as it was given. */
export const publishedArea: Area = async ({ data }) => {
  const given = (data as { data: Record<string, unknown> }).data;
  return () => given;
};

export type Source = { readonly stream: string; readonly revision: number };
/** `personal` = it shows a person's name or address, so it is made anew each time: the person may be erased. */
export type Body = { readonly text: string; readonly correlationId: string; readonly personal: boolean };
export type Payloads = {
  /** The exact text to send: the same at every call. Throws when the log cannot be read. */
  body(source: Source, dialect: Dialect): Promise<Body>;
};

/** Characters of bodies that are kept, since one event often goes to several endpoints, and again. */
const MAX_KEPT = 16_000_000;

/** Makes bodies, and keeps the last ones. `workspaceNumber`: integer id of a workspace, also of a deleted one. */
export const payloads = (deps: {
  readonly log: EventLog;
  readonly areas: Areas;
  readonly workspaceNumber: (workspaceId: string) => Promise<number | undefined>;
}): Payloads => {
  const { log, areas, workspaceNumber } = deps;
  const kept = new LRUCache<string, Body>({
    maxSize: MAX_KEPT,
    sizeCalculation: ({ text }) => text.length + 500,
  });

  const read = async ({ stream, revision }: Source): Promise<Recorded> => {
    for await (const event of log.read(stream, { from: revision, limit: 1 })) return event;
    throw new Error(`no event in ${stream} at revision ${revision}`);
  };

  const make = async (source: Source, dialect: Dialect): Promise<Body> => {
    const event = await read(source);
    const area = areas[categoryOf(event.stream)];
    const type = wireNameOf(event);
    if (!area || type === null) throw new Error(`${event.type} has no payload`);
    const { workspaceId } = event.data as { workspaceId?: string | null };
    const number = workspaceId == null ? undefined : await workspaceNumber(workspaceId);
    const show = await area(event);
    const told = {
      id: event.id,
      type,
      at: event.metadata.at,
      workspaceNumber: number ?? null,
      record: show(dialect),
    };
    const text = JSON.stringify(payload(dialect, told));
    return { text, correlationId: event.metadata.correlationId, personal: personalNames.has(type) };
  };

  return {
    async body(source, dialect) {
      const key = `${source.stream}@${source.revision}.${dialect}`;
      const known = kept.get(key) ?? (await make(source, dialect));
      if (!known.personal) kept.set(key, known);
      return known;
    },
  };
};
