// The effects around decisions about namespaces: integer ids, slugs, one default per owner.
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import type { JsonObject, Recorded } from '../domain/decider.js';
import { DomainError, notFound } from '../domain/errors.js';
import {
  type Namespace,
  type NamespaceChanges,
  type NamespaceCommand,
  type NamespaceEvent,
  type NamespaceRecord,
  namespace,
  type OwnerType,
} from '../domain/namespaces.js';
import { type CommandContext, idFor } from './context.js';
import type { Handled } from './folding.js';
import { type HandleOptions, type Streams, streams } from './handle.js';
import { nextNumber } from './numbers.js';
import { ownersIn, type Resting, reservations, withReservation } from './reservations.js';
import { reservedName, type Slugged, slugKeeper } from './slugs.js';

/** Who asks, as far as namespaces care: whether they may is decided before. */
export type NamespaceAsking = { readonly command: CommandContext; readonly ifMatch?: number };
/** A user or workspace: UUID and integer id. */
export type Party = { readonly id: string; readonly number: number };
export type NewNamespace = {
  readonly name: string;
  readonly slug?: string | undefined;
  readonly description?: string | null | undefined;
  readonly owner: Party & { readonly type: OwnerType };
  /** The workspace that pays, where it is not the owner. */
  readonly billing: Party | null;
  readonly settings?: JsonObject | undefined;
  readonly tags?: string[] | undefined;
  readonly metadata?: Record<string, string> | undefined;
  readonly isDefault?: boolean | undefined;
  readonly isActive?: boolean | undefined;
};
/** The record after a command, its stream's revision (ETag) and the position to wait for. */
export type NamespaceAnswer = {
  readonly record: NamespaceRecord;
  readonly revision: number;
  readonly position: number;
};

export type NamespaceCommands = {
  /** `input` is asked for only when no earlier run has made it: parties may be gone by then. */
  create(input: () => Promise<NewNamespace>, asking: NamespaceAsking): Promise<NamespaceAnswer>;
  /** As `create`: what the changes name is looked up only when it is needed. */
  update(
    id: string,
    changes: () => Promise<NamespaceChanges>,
    asking: NamespaceAsking,
  ): Promise<NamespaceAnswer>;
  remove(id: string, asking: NamespaceAsking): Promise<NamespaceAnswer>;
  /** Ends that a workspace (UUID) pays for it. Throws `not_found` where another one does: that is not theirs to see. */
  stopBilling(id: string, workspaceId: string, asking: NamespaceAsking): Promise<NamespaceAnswer>;
  /** Takes the default from the owner's other namespaces; the last position. Doing it twice changes nothing. */
  settleDefault(record: NamespaceRecord, context: CommandContext): Promise<number>;
  /** The workspaces (UUIDs) that have paid since an instant, the latest first; null among them = nobody was named. */
  paidSince(id: string, since: string): Promise<readonly (string | null)[]>;
  readonly streams: Streams<Namespace, NamespaceCommand, NamespaceEvent>;
};

/** Changes of one namespace that are looked through for who has paid. */
const MOST_CHANGES = 500;

const answer = ({ state, revision, position }: Handled<Namespace, NamespaceEvent>): NamespaceAnswer => {
  if (!state.record) throw new Error('a namespace command left no record');
  return { record: state.record, revision, position };
};

/** A slug is unique among the namespaces of one owner. */
const scopeOf = (ownerId: string): string => `${ownerId}/`;
const slugIn = (name: string): string => name.slice(name.indexOf('/') + 1);
const heldBy = ({ record, deleted }: Namespace): Slugged | undefined =>
  record && !deleted ? { slug: record.slug, scope: scopeOf(record.ownerId) } : undefined;

/** The workspace that hears of it; a user's own namespace is told to the request's context only. */
const optionsFor = (workspaceId: string | null | undefined, ifMatch?: number): HandleOptions => ({
  ...(workspaceId == null ? {} : { subject: workspaceId }),
  ...(ifMatch === undefined ? {} : { ifMatch }),
});

/** A command that a workspace is told of besides: the one that has paid until now. */
const toldTo = (command: CommandContext, workspaceId: string | null | undefined): CommandContext =>
  workspaceId == null || command.audience.includes(workspaceId)
    ? command
    : { ...command, audience: [...command.audience, workspaceId] };

export const namespaceCommands = (deps: {
  log: EventLog;
  readModels: ReadModels;
  now: () => Date;
}): NamespaceCommands => {
  const { log, readModels, now } = deps;
  const handled: NamespaceCommands['streams'] = streams(log, 'namespace', namespace, { now });
  const owners = ownersIn(
    handled,
    (state, name) => {
      const held = heldBy(state);
      return held !== undefined && reservedName(held) === name;
    },
    (namespaceId, name, reservation) =>
      ({ type: 'WithdrawSlug', namespaceId, slug: slugIn(name), reservation }) as const,
  );
  const names = reservations(log, 'namespaceSlug', owners, now);
  const slugs = slugKeeper({ kind: 'namespace', names, streams: handled, heldBy });

  const settleDefault: NamespaceCommands['settleDefault'] = async (record, context) => {
    const { id: to, defaultSince: since, ownerId } = record;
    if (since === null) return -1;
    const others = await readModels.find<Row & NamespaceRecord>('namespaces', {
      where: [
        { field: 'ownerId', op: 'eq', value: ownerId },
        { field: 'isDefault', op: 'eq', value: true },
      ],
    });
    const command = { type: 'YieldDefault', to, since } as const;
    const yielding = others
      .filter(({ id }) => id !== to)
      .map(({ id, workspaceId }) =>
        handled.handle(id, command, context, optionsFor(workspaceId)).catch((error: unknown) => {
          if (error instanceof DomainError && error.code === 'not_found') return { position: -1 };
          throw error;
        }),
      );
    return Math.max(-1, ...(await Promise.all(yielding)).map(({ position }) => position));
  };

  /** With what follows from it: waiting for the last of it shows all. */
  const settled = async (done: NamespaceAnswer, { command }: NamespaceAsking): Promise<NamespaceAnswer> => ({
    ...done,
    // What cannot be settled now is settled by the reactor.
    position: Math.max(done.position, await settleDefault(done.record, command).catch(() => -1)),
  });

  const create = async (id: string, input: NewNamespace, { command }: NamespaceAsking) => {
    const { owner, billing } = input;
    const numbered = nextNumber(log, 'namespace', command, now);
    return withReservation(async () => {
      const reserving = slugs.forNew(input, scopeOf(owner.id), id, command);
      const [number, { slug, reservation }] = await Promise.all([numbered, reserving]);
      const data = {
        namespaceId: id,
        number,
        name: input.name,
        slug,
        description: input.description ?? null,
        ownerType: owner.type,
        ownerId: owner.id,
        ownerNumber: owner.number,
        billing: billing && { id: billing.id, number: billing.number },
        settings: input.settings ?? {},
        tags: input.tags ?? [],
        metadata: input.metadata ?? {},
        isDefault: input.isDefault ?? false,
        isActive: input.isActive ?? true,
      };
      const subject = billing?.id ?? (owner.type === 'Workspace' ? owner.id : null);
      const creation = { type: 'CreateNamespace', data, reservation } as const;
      return answer(await handled.handle(id, creation, command, optionsFor(subject)));
    });
  };

  const paidSince: NamespaceCommands['paidSince'] = async (id, since) => {
    const paid = new Set<string | null>();
    const back = { backwards: true, limit: MOST_CHANGES } as const;
    for await (const recorded of log.read(`namespace-${id}`, back)) {
      const { type, data, metadata } = recorded as Recorded as Recorded<NamespaceEvent>;
      if (type !== 'NamespaceSlugWithdrawn') paid.add(data.workspaceId);
      if (metadata.at < since) break; // who paid then
    }
    return [...paid];
  };

  return {
    streams: handled,
    settleDefault,
    paidSince,

    async create(input, asking) {
      const id = idFor(asking.command, 'stream');
      const earlier = await handled.found(id, asking.command);
      return settled(earlier ? answer(earlier) : await create(id, await input(), asking), asking);
    },

    async update(id, changing, asking) {
      const { command } = asking;
      const earlier = await handled.found(id, command);
      if (earlier) return settled(answer(earlier), asking);
      const changes = await changing();
      const { record } = (await handled.load(id)).state;
      const subject = changes.billing?.id ?? record?.workspaceId;
      const told = toldTo(command, record?.workspaceId);
      const run = ({ reservation, ifMatch }: Resting) =>
        handled.handle(
          id,
          { type: 'UpdateNamespace', changes, ...(reservation === undefined ? {} : { reservation }) },
          told,
          optionsFor(subject, ifMatch),
        );
      const { slug } = changes;
      const done =
        slug === undefined
          ? await run(asking)
          : await withReservation(() => slugs.change(id, slug, asking, run));
      return settled(answer(done), asking);
    },

    async stopBilling(id, workspaceId, { command, ifMatch }) {
      const stop = { type: 'StopBilling', workspaceId } as const;
      const stopped = answer(await handled.handle(id, stop, command, optionsFor(workspaceId, ifMatch)));
      if (stopped.record.billing) throw notFound();
      return stopped;
    },

    async remove(id, { command, ifMatch }) {
      const { record } = (await handled.load(id)).state;
      const options = optionsFor(record?.workspaceId, ifMatch);
      const done = answer(await handled.handle(id, { type: 'DeleteNamespace' }, command, options));
      const { slug, ownerId } = done.record;
      await slugs.free({ slug, scope: scopeOf(ownerId) }, id, command);
      return done;
    },
  };
};
