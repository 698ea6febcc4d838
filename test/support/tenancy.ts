// Commands of workspaces, users and keys on real embedded stores, followed by the real projections.
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '../../src/adapters/event-log/embedded.js';
import { type EventLog, LogUnavailable } from '../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import type { ReadModels } from '../../src/adapters/read-models/port.js';
import { keyring } from '../../src/adapters/seal.js';
import { openVaultFile } from '../../src/adapters/vault/embedded.js';
import { models, projections } from '../../src/app/models.js';
import { type ApiKeyAsking, apiKeyCommands } from '../../src/commands/api-keys.js';
import { bootstrap } from '../../src/commands/bootstrap.js';
import { type CommandContext, systemContext } from '../../src/commands/context.js';
import { keyUses } from '../../src/commands/key-uses.js';
import { personalData } from '../../src/commands/personal-data.js';
import { rotationReactor, rotations } from '../../src/commands/rotations.js';
import { userCommands } from '../../src/commands/users.js';
import { type Asking, workspaceCommands } from '../../src/commands/workspaces.js';
import { newId } from '../../src/domain/ids.js';
import { holds } from '../../src/domain/scopes.js';
import type { Tier } from '../../src/domain/tiers.js';
import { apiKeyUses, apiKeyUsesHandler } from '../../src/projections/api-key-uses.js';
import { keptIn } from '../../src/projections/checkpoints.js';
import { follower } from '../../src/projections/follower.js';
import { projectionHandler } from '../../src/projections/runner.js';

export const AT = '2026-01-15T10:30:00.000Z';
const keys = keyring(Buffer.alloc(32, 7));
const silent = { info: () => undefined, warn: () => undefined };

/** The log, until it has taken `appends` more: then it fails, as when the disk is full. */
const failing = (log: EventLog, state: { appendsLeft: number }): EventLog => ({
  ...log,
  append(stream, events, expected) {
    if (state.appendsLeft <= 0)
      return Promise.reject(new LogUnavailable('stopped by the test', 'not_written'));
    state.appendsLeft -= 1;
    return log.append(stream, events, expected);
  },
});

const open = async (dir: string, clock: { now: Date }, limit: { appendsLeft: number }) => {
  const embedded = await openEmbeddedLog({ dir });
  const log = failing(embedded, limit);
  const readModels: ReadModels = embeddedReadModels(models);
  const vault = await openVaultFile({ dir, key: keys.vault });
  const now = () => clock.now;
  const personal = personalData(vault, keys.email);
  const users = userCommands({ log, readModels, personal, now });
  const workspaces = workspaceCommands(log, now);
  const apiKeys = apiKeyCommands({ log, readModels, now });
  const uses = keyUses({ log, readModels, now, report: silent });
  const following = follower(
    log,
    {
      projections: [
        ...projections.map((projection) => projectionHandler(projection, readModels, log.id)),
        apiKeyUsesHandler(readModels, log.id),
      ],
      reactors: [rotationReactor({ apiKeys, progress: keptIn(readModels, rotations, log.id) })],
    },
    silent,
  );
  await following.start();
  const waitFor = (position: number) => following.waitFor(position);
  return {
    log,
    readModels,
    vault,
    personal,
    users,
    workspaces,
    apiKeys,
    uses,
    following,
    bootstrap: bootstrap({ log, readModels, users, workspaces, apiKeys, now, waitFor }),
    /** Resolves when the rows show all that is in the log. */
    settled: async () =>
      following.waitFor(
        await log.head(),
        [...projections, apiKeyUses].map(({ name }) => name),
      ),
    async close() {
      await following.stop();
      await vault.close();
      await embedded.close();
    },
  };
};
export type Opened = Awaited<ReturnType<typeof open>>;

/** One installation that can be stopped and started again; `restart` forgets whatever is not on disk. */
export const tenancy = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'core-api-'));
  const clock = { now: new Date(AT) };
  const limit = { appendsLeft: Number.POSITIVE_INFINITY };
  let opened = await open(dir, clock, limit);
  return {
    clock,
    limit,
    get now() {
      return opened;
    },
    async restart() {
      await opened.close();
      limit.appendsLeft = Number.POSITIVE_INFINITY;
      opened = await open(dir, clock, limit);
      return opened;
    },
    async stop() {
      await opened.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
export type Tenancy = Awaited<ReturnType<typeof tenancy>>;

/** A command that may be sent again: the same identity, randomness and time. */
export const command = (commandId = newId(), retry = false): CommandContext => ({
  ...systemContext('test', { commandId, now: AT }),
  seed: () => createHash('sha256').update(commandId).digest(),
  retry,
});

/** Somebody with a key of these scopes, asking in a workspace. */
export const asking = (
  workspace: { readonly id: string; readonly tier: Tier },
  over: { command?: CommandContext; scopes?: readonly string[]; userId?: string; ifMatch?: number } = {},
): ApiKeyAsking & Asking => {
  const scopes = over.scopes ?? ['*'];
  return {
    command: over.command ?? command(),
    caller: {
      userId: over.userId ?? '01980000-0000-7000-8000-00000000000a',
      key: { scopes },
      home: workspace,
    },
    workspace,
    holds: (scope) => holds(scopes, scope),
    ...(over.ifMatch === undefined ? {} : { ifMatch: over.ifMatch }),
  };
};
