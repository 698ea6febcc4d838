// What follows for namespaces from elsewhere: they end with their owner, lose a payer that is gone, and an older default gives way.
import type { ReadModels, Row, Term } from '../adapters/read-models/port.js';
import type { Recorded } from '../domain/decider.js';
import type { NamespaceRecord } from '../domain/namespaces.js';
import type { NamespaceCommands } from './namespaces.js';
import type { Progress } from './progress.js';
import { type Cause, checkpointOnly, consequence, everyRow, reactor, unlessGone } from './reactor.js';

export const namespaceEndings = checkpointOnly(
  'namespace-endings',
  'namespaces have followed their owners and payers',
);

/** Namespaces looked at together. */
const PAGE = 500;

type NamespaceRow = Row & NamespaceRecord;
type Leaving = { readonly userId: string; readonly workspaceId: string; readonly cause: Cause };

const eq = (field: string, value: string): Term => ({ field, op: 'eq', value });
const contextOf = (cause: Cause) => consequence('namespaces', cause);
const partiesOf = ({ ownerType, ownerId, billing }: NamespaceRow): string[] => [
  ...(ownerType === 'Workspace' ? [ownerId] : []),
  ...(billing ? [billing.id] : []),
];

/** The follower's handler. What it does rests on the state of things, so doing it twice changes nothing. */
export const namespaceReactor = (deps: {
  namespaces: NamespaceCommands;
  readModels: ReadModels;
  progress: Progress;
}) => {
  const { namespaces, readModels, progress } = deps;
  /** Workspaces that are gone, and users who were erased. */
  const gone = new Map<string, Cause>();
  /** Members who have left a workspace: their own namespaces are no longer paid for by it. */
  const left: Leaving[] = [];
  /** Namespaces that are new or have changed. */
  const touched = new Map<string, Cause>();

  const each = async (where: Term[], act: (row: NamespaceRow) => Promise<unknown>) => {
    for await (const row of everyRow<NamespaceRow>(readModels, 'namespaces', where))
      await unlessGone(act(row));
  };
  const stopBilling = (workspaceId: string, cause: Cause) => (row: NamespaceRow) =>
    namespaces.streams.handle(row.id, { type: 'StopBilling', workspaceId }, contextOf(cause), {
      subject: workspaceId,
    });

  /** Whoever came to a workspace after it was gone has noticed nothing. */
  const noteGoneParties = async (rows: readonly NamespaceRow[]) => {
    const workspaces = await readModels.load('workspaces', rows.flatMap(partiesOf));
    for (const row of rows)
      for (const id of partiesOf(row)) {
        const cause = touched.get(row.id);
        if (cause && !gone.has(id) && workspaces.get(id)?.deleted) gone.set(id, cause);
      }
  };

  const settleTouched = async () => {
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
  };

  const clear = () => {
    touched.clear();
    gone.clear();
    left.length = 0;
  };

  return reactor({
    progress,
    model: namespaceEndings,
    types: ['WorkspaceDeleted', 'UserErased', 'MemberRemoved', 'NamespaceCreated', 'NamespaceUpdated'],
    note({ type, data, id, position, metadata }: Recorded) {
      const { workspaceId, userId, namespaceId } = data as Readonly<Record<string, string>>;
      const cause = { id, position, metadata };
      if (type === 'WorkspaceDeleted' && workspaceId) gone.set(workspaceId, cause);
      else if (type === 'UserErased' && userId) gone.set(userId, cause);
      else if (type === 'MemberRemoved' && userId && workspaceId) left.push({ userId, workspaceId, cause });
      else if (namespaceId) touched.set(namespaceId, cause);
    },
    async settle() {
      await settleTouched();
      for (const [party, cause] of gone) {
        const command = contextOf(cause);
        await each([eq('ownerId', party)], ({ id }) => namespaces.remove(id, { command }));
        await each([eq('billingId', party)], stopBilling(party, cause));
      }
      for (const { userId, workspaceId, cause } of left)
        await each([eq('ownerId', userId), eq('billingId', workspaceId)], stopBilling(workspaceId, cause));
      clear();
    },
    isIdle: () => touched.size + gone.size + left.length === 0,
    clear,
  });
};
