// What follows for namespaces from elsewhere: they end with their owner, lose a payer that is gone, and an older default gives way.
import type { Batch } from '../adapters/event-log/port.js';
import type { ReadModels, Row, Term } from '../adapters/read-models/port.js';
import type { Metadata, Recorded } from '../domain/decider.js';
import { DomainError } from '../domain/errors.js';
import type { NamespaceRecord } from '../domain/namespaces.js';
import { type CommandContext, systemContext } from './context.js';
import type { NamespaceCommands } from './namespaces.js';
import type { Progress } from './progress.js';

/** No rows, only a checkpoint: up to there everything has followed. */
export const namespaceEndings = {
  name: 'namespace-endings',
  version: 1,
  holds:
    'Nothing: only its checkpoint is used, up to which namespaces have followed their owners and payers.',
  fields: {},
  indexes: [],
} as const;

/** Namespaces looked at together. */
const PAGE = 500;

type Cause = Pick<Recorded, 'id'> & { readonly metadata: Metadata };
type NamespaceRow = Row & NamespaceRecord;

const contextOf = ({ id, metadata }: Cause): CommandContext =>
  systemContext('namespaces', {
    causationId: id,
    correlationId: metadata.correlationId,
    audience: metadata.audience,
  });

const eq = (field: string, value: string): Term => ({ field, op: 'eq', value });

/**
 * The follower's handler. What it does rests on the state of things, so doing it twice changes nothing; and it acts
 * where it has caught up, as most of what it reads of was done long ago.
 */
export const namespaceReactor = (deps: {
  namespaces: NamespaceCommands;
  readModels: ReadModels;
  progress: Progress;
}) => {
  const { namespaces, readModels, progress } = deps;
  /** Workspaces that are gone. */
  const gone = new Map<string, Cause>();
  /** Members who have left a workspace: their own namespaces are no longer paid for by it. */
  const left: { readonly userId: string; readonly workspaceId: string; readonly cause: Cause }[] = [];
  /** Namespaces that are new or have changed. */
  const touched = new Map<string, Cause>();

  const note = (event: Recorded) => {
    const { type, id, metadata } = event;
    const { workspaceId, userId, namespaceId } = event.data as Readonly<Record<string, string>>;
    const cause = { id, metadata };
    if (type === 'WorkspaceDeleted' && workspaceId) gone.set(workspaceId, cause);
    else if (type === 'MemberRemoved' && userId && workspaceId) left.push({ userId, workspaceId, cause });
    else if (namespaceId) touched.set(namespaceId, cause);
  };

  /** Runs `act` on every namespace that a query finds; on those that are gone meanwhile it may fail as not found. */
  const each = async (where: Term[], act: (row: NamespaceRow) => Promise<unknown>) => {
    for (let after = 0; ; ) {
      const page: Term[] = [...where, { field: 'number', op: 'gt', value: after }];
      const rows = await readModels.find<NamespaceRow>('namespaces', {
        where: page,
        sort: [['number', 'asc']],
        limit: PAGE,
      });
      for (const row of rows)
        await act(row).catch((error: unknown) => {
          if (!(error instanceof DomainError) || error.code !== 'not_found') throw error;
        });
      const last = rows.at(-1)?.number;
      if (last === undefined || rows.length < PAGE) return;
      after = last;
    }
  };

  const stopBilling = (row: NamespaceRow, workspaceId: string, cause: Cause) =>
    namespaces.streams.handle(row.id, { type: 'StopBilling', workspaceId }, contextOf(cause), {
      subject: workspaceId,
    });

  /** Whoever comes to a party after it was gone has noticed nothing: it is looked at again. */
  const noteGoneParties = async (rows: readonly NamespaceRow[]) => {
    const partiesOf = ({ ownerType, ownerId, billing }: NamespaceRow) => [
      ...(ownerType === 'Workspace' ? [ownerId] : []),
      ...(billing ? [billing.id] : []),
    ];
    const workspaces = await readModels.load('workspaces', rows.flatMap(partiesOf));
    for (const row of rows)
      for (const id of partiesOf(row)) {
        const cause = touched.get(row.id);
        if (cause && !gone.has(id) && workspaces.get(id)?.deleted) gone.set(id, cause);
      }
  };

  const settle = async () => {
    const ids = [...touched.keys()];
    for (let from = 0; from < ids.length; from += PAGE) {
      const page = await readModels.load<NamespaceRow>('namespaces', ids.slice(from, from + PAGE));
      const rows = [...page.values()].filter(({ deleted }) => !deleted);
      await noteGoneParties(rows);
      for (const row of rows) {
        const cause = touched.get(row.id);
        if (cause && row.isDefault) await namespaces.settleDefault(row, contextOf(cause));
      }
    }
    for (const [workspaceId, cause] of gone) {
      const command = contextOf(cause);
      await each([eq('ownerId', workspaceId)], ({ id }) => namespaces.remove(id, { command }));
      await each([eq('billingId', workspaceId)], (row) => stopBilling(row, workspaceId, cause));
    }
    for (const { userId, workspaceId, cause } of left)
      await each([eq('ownerId', userId), eq('billingId', workspaceId)], (row) =>
        stopBilling(row, workspaceId, cause),
      );
    touched.clear();
    gone.clear();
    left.length = 0;
  };

  return {
    name: namespaceEndings.name,
    types: new Set<string>(['WorkspaceDeleted', 'MemberRemoved', 'NamespaceCreated', 'NamespaceUpdated']),
    start: progress.start,
    look: progress.look,
    stop: progress.stop,
    async handle({ events, position, caughtUp }: Batch): Promise<void> {
      for (const event of events) note(event);
      if (!caughtUp) return;
      await settle();
      await progress.store([], position);
    },
  };
};
