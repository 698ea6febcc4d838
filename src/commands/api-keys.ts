// The effects around decisions about API keys: secrets, integer ids, quotas, and the second half of a rotation.
import type { EventLog } from '../adapters/event-log/port.js';
import type { ReadModels, Term } from '../adapters/read-models/port.js';
import type {
  ApiKeyChanges,
  ApiKeyEvent,
  ApiKeySuccessor,
  Environment,
  KeyDialect,
} from '../domain/api-key-events.js';
import { type ApiKey, type ApiKeyCommand, type ApiKeyRecord, apiKey } from '../domain/api-keys.js';
import { NEVER } from '../domain/decider.js';
import { DomainError } from '../domain/errors.js';
import { apiKeyQuota, type Tier } from '../domain/tiers.js';
import { type CommandContext, idFor } from './context.js';
import type { Handled } from './folding.js';
import { type Streams, streams } from './handle.js';
import { hashOfKey, newApiKey, prefixOf } from './key-secrets.js';
import { nextNumber } from './numbers.js';
import { quota } from './quotas.js';
import type { Turns } from './turns.js';
import { requireTier } from './workspaces.js';

/** Who asks, with which key, and for which workspace. */
export type ApiKeyAsking = {
  readonly command: CommandContext;
  readonly caller: { readonly userId: string; readonly key: { readonly scopes: readonly string[] } };
  readonly workspace: { readonly id: string; readonly tier: Tier };
  readonly ifMatch?: number;
  holds(scope: string): boolean;
};
export type NewApiKey = {
  readonly name: string;
  readonly scopes: readonly string[];
  /** null = that of the workspace. */
  readonly rateLimitTier: Tier | null;
  /** ISO instant; NEVER = no end. */
  readonly expiresAt: string;
  readonly environment: Environment;
  readonly allowedIps: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly dialect: KeyDialect | null;
};
/** What a key is when nothing else is said. */
export const plainApiKey: Omit<NewApiKey, 'name' | 'scopes'> = {
  rateLimitTier: null,
  expiresAt: NEVER,
  environment: 'live',
  allowedIps: [],
  metadata: {},
  dialect: null,
};

/** The record after a command, its stream's revision (ETag) and the position to wait for. */
export type ApiKeyAnswer = {
  readonly record: ApiKeyRecord;
  readonly revision: number;
  readonly position: number;
};
/** `key` is the whole key: to be shown once and kept nowhere. */
export type SecretAnswer = ApiKeyAnswer & { readonly key: string };

export type ApiKeyCommands = {
  /** `secret` sets the key instead of a random one; `unlimited` skips the quota. Both are for the operator alone. */
  create(
    input: NewApiKey,
    asking: ApiKeyAsking,
    options?: { secret?: string; unlimited?: boolean },
  ): Promise<SecretAnswer>;
  update(id: string, changes: ApiKeyChanges, asking: ApiKeyAsking): Promise<ApiKeyAnswer>;
  /** A new key in place of this one, which goes on for `graceHours`. Answers the new key's record. */
  rotate(
    id: string,
    graceHours: number,
    asking: ApiKeyAsking,
  ): Promise<SecretAnswer & { readonly graceEndsAt: string }>;
  revoke(id: string, asking: Pick<ApiKeyAsking, 'command' | 'workspace' | 'ifMatch'>): Promise<ApiKeyAnswer>;
  readonly streams: Streams<ApiKey, ApiKeyCommand, ApiKeyEvent>;
};

const answer = ({ state, revision, position }: Handled<ApiKey, ApiKeyEvent>): ApiKeyAnswer => {
  if (!state.record) throw new Error('an API key command left no record');
  return { record: state.record, revision, position };
};

/** An earlier run made the key, but what it was made from is lost: it can never be shown. */
const requireOurs = ({ record }: ApiKeyAnswer, secretHash: string): void => {
  if (record.secretHash !== secretHash)
    throw new DomainError(
      'conflict',
      `API key ${record.number} was made by an earlier try of this request, and can no longer be shown. Rotate it to get a new one.`,
    );
};

/** A successor whose own event could not be appended yet, as it is going to be. */
const unfinished = (
  { state, position }: Handled<ApiKey, ApiKeyEvent>,
  successor: ApiKeySuccessor,
): ApiKeyAnswer => {
  const at = state.record?.updatedAt ?? '';
  const { record } = apiKey.evolve(
    {},
    { type: 'ApiKeyCreatedByRotation', data: successor, metadata: { at } },
  );
  if (!record) throw new Error('a rotation left no record');
  return { record, revision: 0, position };
};

/** Keys that count against the quota: one that is being replaced does not, its successor does. */
const counting = (now: string): Term[] => [
  { field: 'revoked', op: 'eq', value: false },
  { field: 'endsAt', op: 'gt', value: now },
  { field: 'graceEndsAt', op: 'eq', value: NEVER },
];

export const apiKeyCommands = (deps: {
  log: EventLog;
  readModels: ReadModels;
  now: () => Date;
  turns?: Turns;
}): ApiKeyCommands => {
  const { log, readModels, now, turns } = deps;
  const handled = streams(log, 'apiKey', apiKey, { now });
  const withinQuota = quota({
    readModels,
    model: 'api-keys',
    limits: apiKeyQuota,
    feature: 'api_keys',
    turns,
  });

  /** Runs a command on one key's stream. */
  const run = async (
    id: string,
    command: ApiKeyCommand,
    asking: Pick<ApiKeyAsking, 'command' | 'workspace' | 'ifMatch'>,
  ) => {
    const ifMatch = asking.ifMatch === undefined ? {} : { ifMatch: asking.ifMatch };
    return answer(
      await handled.handle(id, command, asking.command, { subject: asking.workspace.id, ...ifMatch }),
    );
  };
  const requireOwnTier = (tier: Tier | null | undefined, { caller, workspace, holds }: ApiKeyAsking) =>
    requireTier(tier, { caller: { userId: caller.userId, home: workspace }, holds });

  return {
    streams: handled,

    async create(input, asking, { secret, unlimited = false } = {}) {
      const { command, caller, workspace } = asking;
      const id = idFor(command, 'stream');
      const key = secret ?? newApiKey(command, input.environment);
      const secretHash = hashOfKey(key);
      const append = async (number: number): Promise<SecretAnswer> => {
        const identity = { apiKeyId: id, workspaceId: workspace.id, userId: caller.userId, number };
        const secretParts = { prefix: prefixOf(key), secretHash };
        const data = {
          ...identity,
          ...secretParts,
          ...input,
          metadata: { ...input.metadata },
          workspaceTier: workspace.tier,
          isEnabled: true,
        };
        const done = await run(
          id,
          { type: 'CreateApiKey', data, held: caller.key.scopes, now: command.now },
          { command, workspace },
        );
        requireOurs(done, secretHash);
        return { ...done, key };
      };
      // A run before a crash may have made it: then it neither counts against itself nor needs another number.
      const made = command.retry ? (await handled.load(id)).state.record : undefined;
      if (made) return append(made.number);
      requireOwnTier(input.rateLimitTier, asking);
      const numbered = async () => append(await nextNumber(log, 'apiKey', command, now));
      return unlimited ? numbered() : withinQuota(workspace, id, counting(command.now), numbered);
    },

    async update(id, changes, asking) {
      const { command, caller, workspace } = asking;
      const earlier = await handled.found(id, command);
      if (earlier) return answer(earlier);
      const looks = changes.rateLimitTier !== undefined || changes.expiresAt !== undefined;
      const record = looks ? (await handled.load(id)).state.record : undefined;
      if (changes.rateLimitTier !== record?.rateLimitTier) requireOwnTier(changes.rateLimitTier, asking);
      const change = () =>
        run(id, { type: 'UpdateApiKey', changes, held: caller.key.scopes, now: command.now }, asking);
      // A later end brings an expired key back, so it counts again.
      const revives =
        changes.expiresAt !== undefined && record !== undefined && record.expiresAt <= command.now;
      return revives ? withinQuota(workspace, id, counting(command.now), change) : change();
    },

    async rotate(id, graceHours, asking) {
      const { command, caller, workspace } = asking;
      const apiKeyId = idFor(command, 'stream');
      const { record } = (await handled.load(id)).state;
      const key = newApiKey(command, record?.environment ?? 'live');
      const secretHash = hashOfKey(key);
      const done = await handled.handle(
        id,
        {
          type: 'RotateApiKey',
          successor: {
            apiKeyId,
            number: await nextNumber(log, 'apiKey', command, now),
            // The new key acts for whoever gets to see it: nobody is handed a key of somebody else.
            userId: caller.userId,
            prefix: prefixOf(key),
            secretHash,
            workspaceTier: workspace.tier,
          },
          graceEndsAt: new Date(Date.parse(command.now) + graceHours * 3_600_000).toISOString(),
          held: caller.key.scopes,
          now: command.now,
        },
        command,
        { subject: workspace.id, ...(asking.ifMatch === undefined ? {} : { ifMatch: asking.ifMatch }) },
      );
      const rotated = done.events.find(({ type }) => type === 'ApiKeyRotated');
      if (rotated?.type !== 'ApiKeyRotated') throw new Error('a rotation left no event');
      const { successor, graceEndsAt } = rotated.data;
      // The rotation is committed: the new key comes to exist, if not now then by the rotations' reactor.
      const made = await run(
        apiKeyId,
        { type: 'FinishRotation', data: successor },
        { command, workspace },
      ).catch(() => unfinished(done, successor));
      requireOurs(made, secretHash);
      return { ...made, key, graceEndsAt, position: Math.max(made.position, done.position) };
    },

    revoke: (id, asking) => run(id, { type: 'RevokeApiKey' }, asking),
  };
};
