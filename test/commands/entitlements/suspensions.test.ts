// What a record says of its suspension, after a crash in between and after two that change it at once.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog } from '../../../src/adapters/event-log/port.js';
import { embeddedReadModels } from '../../../src/adapters/read-models/embedded.js';
import { models } from '../../../src/app/models.js';
import { provisioningCommands } from '../../../src/commands/entitlements/provisioning.js';
import { suspensionReactor, suspensions } from '../../../src/commands/entitlements/suspensions.js';
import { namespaceCommands } from '../../../src/commands/namespaces.js';
import { type Asking, workspaceCommands } from '../../../src/commands/workspaces.js';
import { builtInPlans } from '../../../src/domain/entitlements/built-in-plans.js';
import { readPlans } from '../../../src/domain/entitlements/plans.js';
import { keptIn } from '../../../src/projections/checkpoints.js';
import { follower } from '../../../src/projections/follower.js';
import { eventsIn, type TestLog, testLog } from '../../support/embedded-log.js';
import { AT, command } from '../../support/tenancy.js';

let files: TestLog;
beforeEach(async () => {
  files = await testLog();
});
afterEach(() => files.stop());

const now = () => new Date(AT);
const asking = (): Asking => ({
  command: command(),
  caller: { userId: '01980000-0000-7000-8000-00000000000a', home: { tier: 'free' } },
  holds: () => true,
});
const silent = { info: () => undefined, warn: () => undefined };
const open = (log: EventLog = files.log) => {
  const readModels = embeddedReadModels(models);
  const workspaces = workspaceCommands(log, now);
  const namespaces = namespaceCommands({ log, readModels, now });
  const plans = readPlans(builtInPlans);
  const provisioning = provisioningCommands({ log, plans, workspaces, namespaces, now });
  return { readModels, workspaces, provisioning };
};
/** What the follower makes of all that is in the log. */
const follow = async () => {
  const { readModels, provisioning } = open();
  const progress = keptIn(readModels, suspensions, files.log.id);
  const reactors = [suspensionReactor({ settle: provisioning.settleSuspension, progress })];
  const following = follower(files.log, { projections: [], reactors }, silent);
  await following.start();
  for (let seen = -1, head = await files.log.head(); seen < head; head = await files.log.head()) {
    await following.waitFor(head, [suspensions.name], 10_000);
    seen = head;
  }
  await following.stop();
};
const newWorkspace = async () => {
  const { record } = await open().workspaces.create({ name: 'Acme', tier: 'free' }, asking());
  return { owner: { type: 'workspace', id: record.id } as const, workspaceId: record.id };
};
const statusOf = async (id: string) => (await open().workspaces.streams.load(id)).state.record?.status;
const updates = async () => (await eventsIn(files.log)).filter(({ type }) => type === 'WorkspaceUpdated');

describe('a workspace', () => {
  it('is suspended by the follower where the process died before it said so, and once only', async () => {
    const about = await newWorkspace();
    const dying: EventLog = {
      ...files.log,
      append: (stream, events, expected) =>
        stream.startsWith('workspace-')
          ? Promise.reject(new Error('stopped by the test'))
          : files.log.append(stream, events, expected),
    };
    const suspending = open(dying).provisioning.suspend(about, null, command());
    await expect(suspending).rejects.toThrow('stopped by the test');
    expect(await statusOf(about.workspaceId)).toBe('active');
    await follow();
    expect(await statusOf(about.workspaceId)).toBe('suspended');
    await follow();
    expect(await updates()).toHaveLength(1);
  });

  it('ends as its entitlements do where it was suspended and resumed at once', async () => {
    const about = await newWorkspace();
    let resumed: Promise<unknown> | undefined;
    const slow: EventLog = {
      ...files.log,
      async append(stream, events, expected) {
        if (stream.startsWith('workspace-')) {
          resumed ??= open().provisioning.resume(about, command());
          await resumed;
        }
        return files.log.append(stream, events, expected);
      },
    };
    await open(slow).provisioning.suspend(about, null, command());
    expect(await statusOf(about.workspaceId)).toBe('suspended');
    await follow();
    expect(await statusOf(about.workspaceId)).toBe('active');
  });

  it('that is gone stays so', async () => {
    const about = await newWorkspace();
    const { provisioning, workspaces } = open();
    await workspaces.remove(about.workspaceId, asking());
    await provisioning.suspend(about, null, command());
    await follow();
    expect(await updates()).toEqual([]);
  });
});
