import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../../src/adapters/event-log/port.js';
import { StaleCommand } from '../../src/commands/folding.js';
import type { Decided } from '../../src/deliveries/endpoints.js';
import { type TestLog, testLog } from '../support/embedded-log.js';
import {
  attempted,
  endpointChanged,
  endpointCreated,
  endpointDeleted,
  endpointDisabled,
  fannedOut,
  fanOutAll,
  feed,
  newSubscriber,
  plus,
  put,
  uuid,
} from '../support/fanned.js';

const W = uuid(0xa);
const E = uuid(1);

let files: TestLog;
let log: EventLog;
beforeEach(async () => {
  files = await testLog();
  log = files.log;
  await put(log, endpointCreated(E, W, { events: ['none.*'] }));
});
afterEach(() => files.stop());

const fails = (second: number) => attempted(E, W, { startedAt: plus(second) });
const succeeds = (second: number) => attempted(E, W, { startedAt: plus(second), outcome: 'success' });
const gone = (second: number) =>
  attempted(E, W, { startedAt: plus(second), outcome: 'failure', responseCode: 410, gone: true });
const activated = endpointChanged(E, W, { isActive: true });

/** Reasons of the decisions in the log, by the position that they were taken at. */
const decisions = async () =>
  (await fannedOut(log)).flatMap(({ type, data }) =>
    type === 'EndpointDisablingDecided' ? [`${data.reason} at ${data.source}`] : [],
  );

// Three failures in a row, of which the first is at least a minute older than the last.
describe('an endpoint is to be disabled', () => {
  test('when enough attempts fail in a row over enough time', async () => {
    await put(log, fails(0), fails(30), fails(60));
    await fanOutAll(log);
    expect(await decisions()).toEqual(['failures at 3']);
    expect((await fannedOut(log))[0]?.data).toMatchObject({
      endpointId: E,
      workspaceId: W,
      endpointRevision: 0,
    });
  });

  test('not by a burst, but as soon as the first failure is old enough', async () => {
    await put(log, fails(0), fails(1), fails(2), fails(3), fails(59));
    const one = newSubscriber(log);
    const position = await fanOutAll(log, one);
    expect(await decisions()).toEqual([]);
    await put(log, fails(60));
    await feed(log, one, position);
    expect(await decisions()).toEqual(['failures at 6']);
  });

  test('not when a success is among the failures', async () => {
    await put(log, fails(0), fails(30), succeeds(45), fails(60), fails(90));
    await fanOutAll(log);
    expect(await decisions()).toEqual([]);
  });

  test('by one answer 410, and by none of another endpoint', async () => {
    await put(log, endpointCreated(uuid(2), W, { events: ['none.*'] }), gone(0));
    await fanOutAll(log);
    expect(await decisions()).toEqual(['gone at 2']);
  });

  test('once, however many attempts in hand still fail', async () => {
    await put(log, fails(0), fails(30), fails(60), fails(61), fails(62));
    await fanOutAll(log);
    expect(await decisions()).toEqual(['failures at 3']);
  });

  test('not while it is switched off, except by 410', async () => {
    await put(log, endpointChanged(E, W, { isActive: false }), fails(0), fails(30), fails(60));
    await fanOutAll(log);
    expect(await decisions()).toEqual([]);
    await put(log, gone(70), gone(71));
    await fanOutAll(log);
    expect(await decisions()).toEqual(['gone at 5']);
  });

  test('anew after it was switched on again: older failures no longer count', async () => {
    await put(log, fails(0), fails(30), fails(60), endpointDisabled(E, W), activated, fails(90), fails(100));
    const one = newSubscriber(log);
    const position = await fanOutAll(log, one);
    expect(await decisions()).toEqual(['failures at 3']);
    await put(log, fails(150));
    await feed(log, one, position);
    expect(await decisions()).toEqual(['failures at 3', `failures at ${position + 2}`]);
  });

  test('by failures from before a restart too, which are read back to the last success or activation', async () => {
    await put(log, fails(-600), succeeds(-500), fails(0), fails(30));
    const before = newSubscriber(log);
    await fanOutAll(log, before);
    await before.stop();
    await put(log, fails(59), fails(60));
    await fanOutAll(log);
    expect(await decisions()).toEqual(['failures at 7']);
  });

  test('not by failures from before its activation, after a restart', async () => {
    await put(log, fails(0), fails(30), activated);
    const before = newSubscriber(log);
    await fanOutAll(log, before);
    await before.stop();
    await put(log, fails(60), fails(90));
    await fanOutAll(log);
    expect(await decisions()).toEqual([]);
  });

  test('not when it was deleted', async () => {
    await put(log, fails(0), fails(30), endpointDeleted(E, W), fails(60));
    await fanOutAll(log);
    expect(await decisions()).toEqual([]);
  });
});

describe('a decision is carried out', () => {
  const carrying = (broken = 0) => {
    const carried: Decided[] = [];
    let left = broken;
    const disable = async (decision: Decided) => {
      left -= 1;
      if (left >= 0) throw new Error('broken');
      carried.push(decision);
    };
    return { carried, disable };
  };

  test('when it is read back from the log, once', async () => {
    await put(log, gone(0));
    const { carried, disable } = carrying();
    const one = newSubscriber(log, { disable });
    const position = await fanOutAll(log, one);
    expect(carried).toEqual([]);
    const next = await feed(log, one, position);
    await put(log, fails(5));
    await feed(log, one, next);
    expect(carried.map(({ data }) => [data.endpointId, data.reason])).toEqual([[E, 'gone']]);
  });

  test('after a failure again', async () => {
    await put(log, gone(0));
    const { carried, disable } = carrying(1);
    const one = newSubscriber(log, { disable });
    const position = await fanOutAll(log, one);
    await expect(feed(log, one, position)).rejects.toThrow('broken');
    await feed(log, one, position);
    expect(carried).toHaveLength(1);
  });

  test('after a crash, also when the fan-out has gone on since', async () => {
    await put(log, gone(0));
    const broken = carrying(9);
    const crashed = newSubscriber(log, { disable: broken.disable });
    await feed(log, crashed, await fanOutAll(log, crashed)).catch(() => undefined);
    await crashed.stop();
    const { carried, disable } = carrying();
    await put(log, fails(5));
    await fanOutAll(log, newSubscriber(log, { disable }));
    expect(broken.carried).toEqual([]);
    expect(carried).toHaveLength(1);
  });

  test('and is done when that turns out to have happened long ago', async () => {
    await put(log, gone(0));
    const one = newSubscriber(log, { disable: () => Promise.reject(new StaleCommand(1)) });
    const position = await fanOutAll(log, one);
    await put(log, fails(5));
    await feed(log, one, position);
    await one.stop();
    expect((await fannedOut(log)).at(-1)).toMatchObject({ type: 'FanoutAdvanced', data: { source: 3 } });
  });

  test('not when the endpoint is disabled already, or was switched on again meanwhile', async () => {
    await put(log, gone(0));
    await fanOutAll(log);
    await put(log, endpointDisabled(E, W, 'gone'));
    const { carried, disable } = carrying();
    await fanOutAll(log, newSubscriber(log, { disable }));
    expect(carried).toEqual([]);
  });

  test('not when the user switched the endpoint on again before the decision came', async () => {
    await put(log, fails(0), fails(30), fails(60), activated);
    await fanOutAll(log);
    expect(await decisions()).toEqual(['failures at 3']);
    const { carried, disable } = carrying();
    await fanOutAll(log, newSubscriber(log, { disable }));
    expect(carried).toEqual([]);
  });
});
