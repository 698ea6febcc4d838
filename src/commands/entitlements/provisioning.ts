// What operators give and take: packages, boosts, suspension.
import type { EventLog } from '../../adapters/event-log/port.js';
import { NEVER } from '../../domain/decider.js';
import {
  type Boost,
  type boostDurations,
  type boostKinds,
  type GrantCommand,
  grants,
  type Owner,
  type Suspension,
} from '../../domain/entitlements/grants.js';
import { cycleEnd } from '../../domain/entitlements/periods.js';
import type { Package, Plans } from '../../domain/entitlements/plans.js';
import { invalid, notFound } from '../../domain/errors.js';
import { type CommandContext, idFor } from '../context.js';
import { streams } from '../handle.js';
import type { NamespaceCommands } from '../namespaces.js';
import type { WorkspaceCommands } from '../workspaces.js';
import type { GrantStreams } from './standing.js';
import { type SettleSuspension, settleSuspension } from './suspensions.js';

/** Whose entitlements are changed, and the workspace (UUID) that it is told to. */
export type Provisioned = { readonly owner: Owner; readonly workspaceId: string };
export type NewBoost = {
  readonly feature: string;
  readonly kind: (typeof boostKinds)[number];
  readonly amount?: number | undefined;
  readonly duration: (typeof boostDurations)[number];
  readonly expiresAt?: string | undefined;
};
/** `position` is to be waited for; without it nothing had to be appended. */
export type Given<T> = { readonly given: T; readonly position?: number };
export type AssignedPackage = { readonly package: Package; readonly expiresAt: string };

export type ProvisioningCommands = {
  /** Without an end it lasts until it is cancelled. The same package again only gets another end. */
  assign(
    about: Provisioned,
    input: { package: string; expiresAt?: string | null | undefined },
    command: CommandContext,
  ): Promise<Given<AssignedPackage>>;
  /** Throws `not_found` when the owner does not have it. */
  cancel(about: Provisioned, code: string, command: CommandContext): Promise<Given<undefined>>;
  boost(about: Provisioned, input: NewBoost, command: CommandContext): Promise<Given<Boost>>;
  suspend(
    about: Provisioned,
    reason: string | null,
    command: CommandContext,
  ): Promise<Given<Suspension | undefined>>;
  resume(about: Provisioned, command: CommandContext): Promise<Given<undefined>>;
  /** Tells that the base package of a workspace is another one. */
  tellBaseChange(
    about: Provisioned,
    change: { package: string; previous: string },
    command: CommandContext,
  ): Promise<void>;
  readonly settleSuspension: SettleSuspension;
  readonly streams: GrantStreams;
};

/** `pkg_starter` and `starter` name the same package. */
export const packageCode = (name: string): string => name.replace(/^pkg_/, '');

const wrongBoost = ({ feature, kind, amount, duration, expiresAt }: NewBoost, { features }: Plans) => {
  const known = features.get(feature);
  if (!known) return { feature: 'The selected feature is invalid.' };
  if (known.pool !== undefined) return { feature: `The limit of this feature is in the pool ${known.pool}.` };
  if (kind === 'enable' && known.type !== 'boolean')
    return { type: 'The type enable is for features that are there or not.' };
  if (kind !== 'enable' && known.type !== 'limit')
    return { type: `The type ${kind} is for features with a limit.` };
  if (kind === 'add_limit' && amount === undefined) return { amount: 'The amount field is required.' };
  if (kind !== 'add_limit' && amount !== undefined)
    return { amount: 'The amount is for the type add_limit only.' };
  if (duration === 'timed' && expiresAt === undefined)
    return { expires_at: 'The expires_at field is required.' };
  if (duration !== 'timed' && expiresAt !== undefined)
    return { expires_at: 'The expires_at is for the duration timed only.' };
  if (duration === 'cycle' && known.reset.kind === 'none')
    return { duration: 'This feature has no cycle: its count never starts again.' };
  return undefined;
};

export const provisioningCommands = (deps: {
  readonly log: EventLog;
  readonly plans: Plans;
  readonly workspaces: Pick<WorkspaceCommands, 'streams'>;
  readonly namespaces: Pick<NamespaceCommands, 'streams'>;
  readonly now: () => Date;
}): ProvisioningCommands => {
  const { log, plans, workspaces, namespaces, now } = deps;
  const handled: GrantStreams = streams(log, 'entitlements', grants, { now });
  const settle = settleSuspension({ granted: handled, workspaces, namespaces });

  const run = async ({ owner, workspaceId }: Provisioned, command: GrantCommand, context: CommandContext) => {
    const done = await handled.handle(owner.id, command, context, { subject: workspaceId });
    return { state: done.state, at: done.events.length > 0 ? { position: done.position } : {} };
  };
  /** The record follows at once, so that whoever asks for it next sees its status. */
  const settled = async ({ owner }: Provisioned, at: { position?: number }, command: CommandContext) => {
    const position = await settle(owner, command);
    return position === undefined ? at : { position };
  };
  const dataOf = ({ owner, workspaceId }: Provisioned) => ({
    workspaceId,
    ownerType: owner.type,
    ownerId: owner.id,
  });
  return {
    streams: handled,
    settleSuspension: settle,

    async assign(about, { package: name, expiresAt }, command) {
      const found = plans.packages.get(packageCode(name));
      if (!found) throw invalid({ package: 'The selected package is invalid.' });
      if (found.base && about.owner.type === 'workspace')
        throw invalid({
          package: 'The base package of a workspace follows its tier. Change the tier instead.',
        });
      const end = expiresAt ?? NEVER;
      const data = { ...dataOf(about), package: found.code, base: found.base, expiresAt: end };
      const { at } = await run(about, { type: 'AssignPackage', data, now: command.now }, command);
      return { given: { package: found, expiresAt: end }, ...at };
    },

    async cancel(about, name, command) {
      const data = { ...dataOf(about), package: packageCode(name) };
      const { at } = await run(about, { type: 'CancelPackage', data, now: command.now }, command);
      return { given: undefined, ...at };
    },

    async boost(about, input, command) {
      const wrong = wrongBoost(input, plans);
      if (wrong) throw invalid(wrong);
      const { feature, kind, amount = 0, duration, expiresAt } = input;
      const reset = plans.features.get(feature)?.reset;
      const end = (duration === 'cycle' && reset && cycleEnd(reset, command.now)) || (expiresAt ?? NEVER);
      const boostId = idFor(command, 'boost');
      const data = { ...dataOf(about), boostId, feature, kind, amount, duration, expiresAt: end };
      const { state, at } = await run(about, { type: 'GrantBoost', data, now: command.now }, command);
      const given = state.boosts.find(({ id }) => id === boostId);
      if (!given) throw notFound();
      return { given, ...at };
    },

    async suspend(about, reason, command) {
      const data = { ...dataOf(about), reason };
      const { state, at } = await run(about, { type: 'SuspendEntitlements', data }, command);
      return { given: state.suspension, ...(await settled(about, at, command)) };
    },

    async resume(about, command) {
      const { at } = await run(about, { type: 'ResumeEntitlements', data: dataOf(about) }, command);
      return { given: undefined, ...(await settled(about, at, command)) };
    },

    async tellBaseChange(about, change, command) {
      await run(about, { type: 'TellBaseChange', data: { ...dataOf(about), ...change } }, command);
    },
  };
};
