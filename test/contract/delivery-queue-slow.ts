// What every delivery queue does about endpoints that take long: those that answer do not wait for those that do not.
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DeliveryQueue, Job } from '../../src/adapters/delivery-queue/port.js';
import { type DeliveryQueueSetup, gate, job, soon } from './delivery-queue.js';

const slowAfter = 100;

/** Jobs of several endpoints in turn, named after them. */
const jobsFor = (endpoints: number, each: number, name: string, from = 0): Job[] =>
  Array.from({ length: endpoints * each }, (_, index) =>
    job(`${name}-${from + index}`, `${name}-${index % endpoints}`),
  );

export const slowEndpointsContract = (name: string, setup: DeliveryQueueSetup) =>
  describe(`delivery queue and slow endpoints: ${name}`, () => {
    let queue: DeliveryQueue;
    let dispose: () => Promise<void>;
    const inHand: string[] = [];
    const ended: string[] = [];
    beforeEach(async () => {
      ({ queue, dispose } = await setup({ slowAfter }));
    });
    afterEach(async () => {
      inHand.length = 0;
      ended.length = 0;
      await dispose();
    });

    const of = (endpoint: string, ids: readonly string[]) => ids.filter((id) => id.startsWith(endpoint));
    /** Works with what an endpoint does for each of its jobs; any other endpoint answers at once. */
    const work = (
      limits: { concurrency: number; perEndpoint: number },
      takes: Readonly<Record<string, () => Promise<unknown>>>,
    ) =>
      queue.work(async ({ deliveryId, endpointId }) => {
        inHand.push(deliveryId);
        await takes[endpointId.split('-')[0] ?? '']?.();
        inHand.splice(inHand.indexOf(deliveryId), 1);
        ended.push(deliveryId);
      }, limits);
    const until = (holds: () => void) => vi.waitFor(holds, { timeout: 20_000, interval: 5 });
    /** Resolves when jobs that were added after all others have passed through. */
    const passed = async (mark: string) => {
      await queue.add(soon(...jobsFor(2, 2, mark)));
      await until(() => expect(of(mark, ended)).toHaveLength(4));
    };

    test('hold half of the places however many they are: the others go on at once', async () => {
      const { open, opened } = gate();
      let dead = () => delay(slowAfter + 20);
      work({ concurrency: 10, perEndpoint: 2 }, { dead: () => dead() });
      await queue.add(soon(...jobsFor(15, 1, 'dead')));
      await until(() => expect(of('dead', ended)).toHaveLength(15)); // each is found out, once
      dead = () => opened;
      await queue.add(soon(...jobsFor(15, 3, 'dead', 15)));
      await until(() => expect(of('dead', inHand)).toHaveLength(5));
      await queue.add(soon(...jobsFor(10, 5, 'live')));
      await until(() => expect(of('live', ended)).toHaveLength(50));
      expect(of('dead', inHand)).toHaveLength(5);
      dead = () => Promise.resolve();
      open();
      await until(() => expect(of('dead', ended)).toHaveLength(60));
      expect(new Set(ended).size).toBe(ended.length);
    });

    test('get one place, also while their first job still waits for its answer', async () => {
      const { open, opened } = gate();
      work({ concurrency: 10, perEndpoint: 5 }, { slow: () => opened });
      await queue.add(soon(...jobsFor(1, 1, 'slow')));
      await until(() => expect(inHand).toHaveLength(1));
      await delay(slowAfter);
      await queue.add(soon(...jobsFor(1, 6, 'slow', 1)));
      await passed('mark');
      expect(inHand).toEqual(['slow-0']);
      open();
      await until(() => expect(of('slow', ended)).toHaveLength(7));
    });

    test('get one place until one of their jobs is quick, and then all that they had', async () => {
      const [first, second, rest] = [gate(), gate(), gate()];
      const answers = [first.opened, second.opened, Promise.resolve()];
      work({ concurrency: 10, perEndpoint: 5 }, { slow: () => answers.shift() ?? rest.opened });
      await queue.add(soon(...jobsFor(1, 1, 'slow')));
      await until(() => expect(inHand).toHaveLength(1));
      await delay(slowAfter);
      first.open();
      await until(() => expect(ended).toHaveLength(1));
      await queue.add(soon(...jobsFor(1, 7, 'slow', 1)));
      await passed('mark');
      expect(of('slow', inHand)).toHaveLength(1);
      await delay(slowAfter);
      expect(of('slow', inHand)).toHaveLength(1);
      second.open();
      await until(() => expect(of('slow', ended)).toHaveLength(3));
      await until(() => expect(of('slow', inHand)).toHaveLength(5));
      rest.open();
      await until(() => expect(of('slow', ended)).toHaveLength(8));
    });

    test('come in turn with the others, which always have something due', async () => {
      let added = 0;
      let flowing = true;
      const another = async () => {
        await nextTurn();
        if (flowing) await queue.add(soon(job(`live-${added++}`, 'live-0')));
      };
      work({ concurrency: 2, perEndpoint: 2 }, { slow: () => delay(slowAfter), live: another });
      await queue.add(soon(...jobsFor(1, 1, 'slow')));
      await until(() => expect(of('slow', ended)).toHaveLength(1));
      for (let flow = 0; flow < 3; flow++) await another();
      await queue.add(soon(...jobsFor(1, 3, 'slow', 1)));
      await until(() => expect(of('slow', ended)).toHaveLength(4)).finally(() => {
        flowing = false;
      });
      expect(of('live', ended).length).toBeGreaterThan(3);
    });
  });
