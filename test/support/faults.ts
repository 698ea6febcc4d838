// The story of every fault test: an installation under load, a fault, and afterwards everything as it should be.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, test } from 'vitest';
import { expectNothingLostOrDoubled } from './aftermath.js';
import {
  type BreakableServers,
  type Fleet,
  newFleet,
  type ServerSetting,
  startBreakableServers,
  urlsOf,
} from './fleet.js';
import { ask, type Load, startLoad } from './load.js';
import { type ReadinessWatch, ready, watchReadiness } from './readiness.js';
import { startReceiver } from './receiver.js';

/** A store that is down is noticed within 5 s; the rest is for a machine that is busy with other things. */
const NOTICED_MS = 6_000;
/** Who is asked so long before a frozen server comes back may be answered after it. */
const ANSWERED_MS = 4_500;
/** How long a server stays away. TEST_OUTAGE_SECONDS says otherwise: a full run takes 30. */
const OUTAGE_MS = Number(process.env['TEST_OUTAGE_SECONDS'] ?? '13') * 1_000;
if (!(OUTAGE_MS > NOTICED_MS + ANSWERED_MS))
  throw new Error(`TEST_OUTAGE_SECONDS must be more than ${(NOTICED_MS + ANSWERED_MS) / 1_000}.`);

/** So much of what a process printed is shown when a test fails. */
const TOLD_CHARACTERS = 4_000;

/** Waits this long for a test of one fault, ms. */
export const FAULT_TIMEOUT = 180_000 + 2 * OUTAGE_MS;

export type Faulty = { readonly fleet: Fleet; readonly load: Load; readonly watch: ReadinessWatch };

/** Tests on servers that nobody else uses; skipped, with the reason in the name, where they cannot be had. */
export const describeBreaking = async (
  name: string,
  tests: (servers: BreakableServers) => void,
): Promise<void> => {
  const servers = await startBreakableServers();
  if ('skipped' in servers) {
    test.skip(`${name}: ${servers.skipped}`);
    return;
  }
  describe(name, () => {
    afterAll(async () => {
      for (const one of Object.values(servers)) await one.stop();
    });
    tests(servers);
  });
};

/** An endpoint that wants what the load causes. */
export const subscribeTo = async (fleet: Fleet, url: string): Promise<void> => {
  const [api] = fleet.withRole('api');
  if (!api) throw new Error('nobody serves the API');
  const body = { url, events: ['workspace.created', 'post.created'] };
  const { status, text } = await ask(api, fleet.key, 'POST', '/webhooks', body);
  if (status !== 201) throw new Error(`no endpoint: ${status} ${text}`);
};

/** One process for each entry of `roles`; load before, during and after the fault; then nothing is lost or doubled. */
export const survives = async (
  servers: BreakableServers,
  roles: readonly string[],
  fault: (given: Faulty) => Promise<void>,
): Promise<void> => {
  const fleet = await newFleet(urlsOf(servers));
  const receiver = await startReceiver();
  let load: Load | undefined;
  let watch: ReadinessWatch | undefined;
  try {
    await Promise.all(roles.map(fleet.start));
    await subscribeTo(fleet, receiver.url);
    await ready(fleet.processes);
    load = startLoad(() => fleet.withRole('api'), fleet.key);
    watch = watchReadiness(() => fleet.processes);
    const begun = Date.now();
    await load.more(10);
    watch.expectNoneAway(begun, Date.now());
    await fault({ fleet, load, watch });
    await load.more(10);
    await load.stop();
    await watch.stop();
    await expectNothingLostOrDoubled(fleet, load, receiver);
  } catch (error) {
    for (const { pid, url, output } of fleet.processes) {
      const said = await fetch(`${url}/ready`).then(
        (response) => response.text(),
        (failure: unknown) => String(failure),
      );
      console.error(`process ${pid}: ${said}\n${output().slice(-TOLD_CHARACTERS)}`);
    }
    throw error;
  } finally {
    load?.giveUp();
    await watch?.stop();
    await fleet.stop();
    await receiver.stop();
  }
};

/** A server is away for a while; meanwhile every process says so, and goes on when it is back. */
export const outage = async (
  { fleet, watch }: Faulty,
  setting: ServerSetting,
  { down, up }: { down: () => Promise<void>; up: () => Promise<void> | void },
): Promise<void> => {
  const from = Date.now();
  await down();
  await delay(OUTAGE_MS);
  const to = Date.now();
  await up();
  await watch.answered();
  watch.expectUnready(from + NOTICED_MS, to - ANSWERED_MS, setting);
  await ready(fleet.processes);
};
