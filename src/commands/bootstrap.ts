// The first user, workspace and key of an empty log; and keys that the operator mints from the command line.
import { type EventLog, RevisionConflict } from '../adapters/event-log/port.js';
import type { ReadModels, Row, Term } from '../adapters/read-models/port.js';
import { notFound } from '../domain/errors.js';
import type { FirstStartEvent } from '../domain/first-start.js';
import { derivedId, newId } from '../domain/ids.js';
import type { Role } from '../domain/members.js';
import type { Tier } from '../domain/tiers.js';
import type { WorkspaceRecord } from '../domain/workspaces.js';
import { type ApiKeyCommands, plainApiKey, type SecretAnswer } from './api-keys.js';
import { type CommandContext, idFor, metadataFor, systemContext } from './context.js';
import { environmentOf, hashOfKey } from './key-secrets.js';
import type { UserCommands } from './users.js';
import type { WorkspaceCommands } from './workspaces.js';

export type BootstrapDeps = {
  readonly log: EventLog;
  readonly readModels: ReadModels;
  readonly users: UserCommands;
  readonly workspaces: WorkspaceCommands;
  readonly apiKeys: ApiKeyCommands;
  readonly now: () => Date;
  /** Resolves when the read models have seen a position. */
  readonly waitFor: (position: number) => Promise<unknown>;
};

/** What a first start has to say. */
export type FirstStart = {
  /** The first key, to be shown once; call `shown` when it was. */
  readonly key?: string;
  shown(): Promise<void>;
  /** One sentence for the operator. */
  readonly note?: string;
};

export type Mint = {
  readonly email: string;
  readonly name?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  /** The workspace that the key is for, and what its user is there when they do not belong to it yet. */
  readonly workspace?: { readonly id: string; readonly role: Role } | undefined;
};
export type Minted = SecretAnswer & { readonly workspace: WorkspaceRecord };

export type Bootstrap = {
  /**
   * Makes user, workspace 1 and a `*` key when the log is empty, and finishes a first start that was cut short. A key
   * that was made but perhaps never shown is left alone, and another one made: nobody can know the lost one.
   * `setKey` = the operator's own first key. Call when the read models have caught up.
   */
  firstStart(setKey?: string): Promise<FirstStart>;
  /** A new key for whoever has this e-mail address. Not bound by quotas. */
  mintKey(wanted: Mint): Promise<Minted>;
};

const STREAM = 'firstStart';
const FIRST_EMAIL = 'owner@example.com';

export const bootstrap = (deps: BootstrapDeps): Bootstrap => {
  const { log, readModels, users, workspaces, apiKeys, now, waitFor } = deps;

  const append = (event: FirstStartEvent, expected: 'no_stream' | 'any') => {
    const metadata = metadataFor(systemContext('first start'), undefined, now());
    return log.append(STREAM, [{ ...event, id: newId(), metadata }], expected);
  };
  const progress = async (): Promise<'none' | 'begun' | 'finished'> => {
    for await (const { type } of log.read(STREAM, { backwards: true, limit: 1 }))
      return type === 'FirstStartFinished' ? 'finished' : 'begun';
    return 'none';
  };
  /** Asked of the events: on a server that others write to as well, the head may be an event of theirs. */
  const isEmpty = async (): Promise<boolean> => {
    for await (const _ of log.readAll(-1)) return false;
    return true;
  };
  const begin = async () => {
    try {
      await append({ type: 'FirstStartBegun', data: {} }, 'no_stream');
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error; // another process has begun: the ids are the same
    }
  };
  const isKnown = async (key: string) => {
    const where: Term[] = [{ field: 'secretHash', op: 'eq', value: hashOfKey(key) }];
    return (await readModels.find('api-keys', { where, limit: 1 }))[0];
  };

  /** The operator may do anything in any workspace. */
  const operator = (userId: string, command: CommandContext) => ({
    command,
    caller: { userId, home: { tier: 'enterprise' as const }, key: { scopes: ['*'] } },
    holds: () => true,
  });
  const newKey = (
    userId: string,
    workspace: { id: string; tier: Tier },
    name: string,
    scopes: readonly string[],
    command: CommandContext,
    secret?: string,
  ) =>
    apiKeys.create(
      { ...plainApiKey, name, scopes, environment: (secret && environmentOf(secret)) || 'live' },
      { ...operator(userId, command), workspace },
      { unlimited: true, ...(secret === undefined ? {} : { secret }) },
    );

  /** The steps of a first start: each has an identity of its own, so that doing it again finds what was done. */
  const step = (name: string): CommandContext =>
    systemContext('first start', {
      commandId: derivedId(log.id, 'first start', name),
      now: now().toISOString(),
    });

  const firstWorkspace = async (ownerId: string): Promise<WorkspaceRecord> => {
    const command = step('workspace');
    const made = (await workspaces.streams.load(idFor(command, 'stream'))).state.record;
    if (made) return made;
    const { record } = await workspaces.create(
      { name: 'Default', tier: 'enterprise' },
      operator(ownerId, command),
    );
    return record;
  };

  const carryOut = async (setKey: string | undefined): Promise<FirstStart> => {
    const context = systemContext('first start', { now: now().toISOString() });
    const { record: owner } = await users.findOrCreate(
      { email: FIRST_EMAIL, name: 'Owner', tier: 'enterprise' },
      step('user'),
    );
    const workspace = await firstWorkspace(owner.id);
    const known = setKey === undefined ? undefined : await isKnown(setKey);
    const made = known ? undefined : await newKey(owner.id, workspace, 'First key', ['*'], context, setKey);
    if (made) await waitFor(made.position);
    const apiKeyId = known?.id ?? made?.record.id ?? '';
    const finish = async () => void (await append({ type: 'FirstStartFinished', data: { apiKeyId } }, 'any'));
    if (setKey !== undefined || !made) {
      await finish();
      return { shown: async () => undefined };
    }
    return { key: made.key, shown: finish };
  };

  /** The workspace of the user: the first that they own, else the first that they belong to. */
  const ownWorkspace = async (userId: string): Promise<WorkspaceRecord | undefined> => {
    const where: Term[] = [{ field: 'memberIds', op: 'eq', value: userId }];
    const rows = await readModels.find<Row & WorkspaceRecord>('workspaces', {
      where,
      sort: [['number', 'asc']],
    });
    const owns = ({ members }: WorkspaceRecord) =>
      members.some((member) => member.userId === userId && member.role === 'owner');
    return rows.find(owns) ?? rows[0];
  };

  const join = async (
    userId: string,
    { id, role }: NonNullable<Mint['workspace']>,
  ): Promise<WorkspaceRecord> => {
    const { record, deleted } = (await workspaces.streams.load(id)).state;
    if (!record || deleted) throw notFound('Workspace');
    if (record.members.some((member) => member.userId === userId)) return record;
    const by = record.members.find((member) => member.role === 'owner')?.userId ?? '';
    const command = systemContext('command line', { now: now().toISOString() });
    const added = { type: 'AddMember', userId, role, by } as const;
    const { state } = await workspaces.streams.handle(id, added, command, { subject: id });
    return state.record ?? record;
  };

  return {
    async firstStart(setKey) {
      const before = await progress();
      const empty = before === 'none' && (await isEmpty());
      if (before === 'finished' || (before === 'none' && !empty)) {
        const ignored = setKey !== undefined && !(await isKnown(setKey));
        return {
          shown: async () => undefined,
          ...(ignored
            ? { note: 'BOOTSTRAP_API_KEY is ignored: it sets the first key of an empty log only.' }
            : {}),
        };
      }
      if (empty) await begin();
      return carryOut(setKey);
    },

    async mintKey({ email, name = 'Command line key', scopes = ['*'], workspace }) {
      const context = () => systemContext('command line', { now: now().toISOString() });
      const { record: user } = await users.findOrCreate({ email }, context());
      const home =
        (workspace ? await join(user.id, workspace) : await ownWorkspace(user.id)) ??
        // Not named after its owner: names of workspaces are not sealed.
        (await workspaces.create({ name: 'Workspace', tier: 'free' }, operator(user.id, context()))).record;
      const made = await newKey(user.id, home, name, scopes, context());
      await waitFor(made.position);
      return { ...made, workspace: home };
    },
  };
};
