// What a record says of its suspension, after a crash in between and whatever crosses.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog } from '../../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../../src/adapters/read-models/embedded.js';
import { models } from '../../../src/app/models.js';
import { type Provisioned, provisioningCommands } from '../../../src/commands/entitlements/provisioning.js';
import { suspensionReactor, suspensions } from '../../../src/commands/entitlements/suspensions.js';
import { namespaceCommands } from '../../../src/commands/namespaces.js';
import { workspaceCommands } from '../../../src/commands/workspaces.js';
import { builtInPlans } from '../../../src/domain/entitlements/built-in-plans.js';
import { readPlans } from '../../../src/domain/entitlements/plans.js';
import { newId } from '../../../src/domain/ids.js';
import { keptIn } from '../../../src/projections/checkpoints.js';
import { follower } from '../../../src/projections/follower.js';
import { eventsIn, type TestLog, testLog } from '../../support/embedded-log.js';
import { AT, asking, command } from '../../support/tenancy.js';

let files: TestLog;
beforeEach(async () => {
  files = await testLog();
});
afterEach(() => files.stop());

const now = () => new Date(AT);
const silent = { info: () => undefined, warn: () => undefined };
const somebody = () => asking({ id: newId(), tier: 'free' });
/** As a process of its own, one of several, has it. */
const open = (through: EventLog = files.log) => {
  const log = { ...through, shared: true };
  const workspaces = workspaceCommands(log, now);
  const namespaces = namespaceCommands({ log, readModels: embeddedReadModels(models), now });
  const plans = readPlans(builtInPlans);
  const provisioning = provisioningCommands({ log, plans, workspaces, namespaces, now });
  return { workspaces, namespaces, provisioning };
};
const checkpoints = embeddedReadModels(models);
/** What the follower makes of what is new in the log; what it appends goes through `log`. */
const follow = async (log: EventLog = files.log) => {
  const { provisioning } = open(log);
  const progress = keptIn(checkpoints, suspensions, log.id);
  const reactors = [suspensionReactor({ settle: provisioning.settleSuspension, progress })];
  const following = follower(log, { projections: [], reactors }, silent);
  await following.start();
  for (let seen = -1, head = await log.head(); seen < head; head = await log.head()) {
    await following.waitFor(head, [suspensions.name], 10_000);
    seen = head;
  }
  await following.stop();
};

describe.each(['workspace', 'namespace'] as const)('a %s', (type) => {
  const newOne = async (): Promise<Provisioned> => {
    const { workspaces, namespaces } = open();
    const { record: payer } = await workspaces.create({ name: 'Acme', tier: 'free' }, somebody());
    if (type === 'workspace') return { owner: { type, id: payer.id }, workspaceId: payer.id };
    const owner = { type: 'Workspace' as const, id: payer.id, number: payer.number };
    const { record } = await namespaces.create(async () => ({ name: 'Client', owner, billing: null }), {
      command: command(),
    });
    return { owner: { type, id: record.id }, workspaceId: payer.id };
  };
  const streamOf = ({ owner }: Provisioned) => `${type}-${owner.id}`;
  /** The log, where something is done before what is appended to a record. */
  const crossed = (about: Provisioned, work: () => Promise<unknown>): EventLog => ({
    ...files.log,
    async append(stream, events, expected) {
      if (stream === streamOf(about)) await work();
      return files.log.append(stream, events, expected);
    },
  });
  const statusOf = async ({ owner }: Provisioned) =>
    (await open()[`${type}s`].streams.load(owner.id)).state.record?.status;
  /** What its record has said, in order: suspended or not. */
  const said = async (about: Provisioned) =>
    (await eventsIn(files.log, streamOf(about)))
      .filter((event) => event.type.endsWith('Updated'))
      .map(({ data }) => (data as { changes: { isSuspended?: boolean } }).changes.isSuspended);

  it('is suspended by the follower where the process died before it said so, and once only', async () => {
    const about = await newOne();
    const dying = crossed(about, () => Promise.reject(new Error('stopped by the test')));
    const suspending = open(dying).provisioning.suspend(about, null, command());
    await expect(suspending).rejects.toThrow('stopped by the test');
    expect(await statusOf(about)).toBe('active');
    await follow();
    expect(await statusOf(about)).toBe('suspended');
    await follow();
    expect(await said(about)).toEqual([true]);
  });

  it('ends as its entitlements do where it was suspended and resumed at once', async () => {
    const about = await newOne();
    let resumed: Promise<unknown> | undefined;
    const slow = crossed(about, () => {
      resumed ??= open().provisioning.resume(about, command());
      return resumed;
    });
    await open(slow).provisioning.suspend(about, null, command());
    expect(await statusOf(about)).toBe('suspended');
    await follow();
    expect(await statusOf(about)).toBe('active');
  });

  it('ends as its entitlements do, and says each change once, whatever crosses', async () => {
    /** What is done one after the other; but before a record says anything, the next two go first. */
    const steps = fc.array(fc.constantFrom('suspend', 'resume', 'follow'), { minLength: 2, maxLength: 8 });
    const crossing = fc.asyncProperty(steps, async (given) => {
      await files.stop();
      files = await testLog();
      const about = await newOne();
      const waiting = [...given];
      const next = async () => {
        const step = waiting.shift();
        const { provisioning } = open(log);
        if (step === 'suspend') await provisioning.suspend(about, null, command());
        if (step === 'resume') await provisioning.resume(about, command());
        if (step === 'follow') await follow(log);
      };
      const log = crossed(about, () => next().then(next));
      while (waiting.length > 0) await next();
      await follow();
      const { suspension } = (await open().provisioning.streams.load(about.owner.id)).state;
      expect(await statusOf(about)).toBe(suspension ? 'suspended' : 'active');
      const changes = await said(about);
      expect(changes).toEqual(changes.map((_, n) => n % 2 === 0));
    });
    await fc.assert(crossing, { numRuns: 25 });
  });

  it('that is gone stays so', async () => {
    const about = await newOne();
    const opened = open();
    await opened[`${type}s`].remove(about.owner.id, somebody());
    await opened.provisioning.suspend(about, null, command());
    await follow();
    expect(await said(about)).toEqual([]);
  });
});
