// The delivery queue in memory: the common contract, and its promises under any order of things, on a clock by hand.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Clock, embeddedDeliveryQueue } from '../../src/adapters/delivery-queue/embedded.js';
import { heap } from '../../src/adapters/delivery-queue/heap.js';
import { slowMs } from '../../src/adapters/delivery-queue/places.js';
import { type DeliveryQueue, type Job, jobKey } from '../../src/adapters/delivery-queue/port.js';
import { type DeliveryQueueSetup, deliveryQueueContract } from './delivery-queue.js';
import { slowEndpointsContract } from './delivery-queue-slow.js';

const setup: DeliveryQueueSetup = async (options) => {
  const queue = embeddedDeliveryQueue(options);
  return { queue, dispose: () => queue.close() };
};
deliveryQueueContract('embedded', setup);
slowEndpointsContract('embedded', setup);

/** A clock that goes on when told to, and keeps what was asked of it. */
const handClock = (): Clock & { advance(ms: number): void; asked: number[] } => {
  const timers = new Set<{ at: number; run: () => void }>();
  const asked: number[] = [];
  let now = 1_000_000;
  return {
    asked,
    now: () => now,
    setTimer(run, ms) {
      asked.push(ms);
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = end;
    },
  };
};

class ReceiverDown extends Error {}

type Limits = { concurrency: number; perEndpoint: number };

/** What must be waiting and what is in hand, by job key; the handler checks each job that it is given. */
const queueModel = (queue: DeliveryQueue, clock: Clock, { concurrency, perEndpoint }: Limits) => {
  const waiting = new Map<string, { job: Job; at: number }>();
  const inHand = new Map<string, { job: Job; began: number; end: (fails: boolean) => void }>();
  const slowBefore = new Set<string>();
  const of = (endpointId: string) => [...inHand.values()].filter(({ job }) => job.endpointId === endpointId);
  const busy = (endpointId: string) => of(endpointId).length;
  const isSlow = (endpointId: string) =>
    slowBefore.has(endpointId) || of(endpointId).some(({ began }) => clock.now() - began >= slowMs);
  /** Places of slow endpoints: at most those that they hold now. */
  const slowShare = Math.max(1, Math.floor(concurrency / 2));
  const busySlow = () => [...inHand.values()].filter(({ job }) => isSlow(job.endpointId)).length;
  const expectWaiting = (each: { job: Job; at: number }) => {
    const key = jobKey(each.job);
    const held = waiting.get(key);
    if (!inHand.has(key) && (!held || held.at > each.at)) waiting.set(key, each);
  };

  return {
    waiting,
    inHand,
    handler(job: Job) {
      const key = jobKey(job);
      expect(inHand.has(key)).toBe(false);
      expect(waiting.get(key)?.at).toBeLessThanOrEqual(clock.now());
      waiting.delete(key);
      return new Promise<void>((resolve, reject) => {
        if (isSlow(job.endpointId)) expect(busy(job.endpointId)).toBe(0);
        const end = (fails: boolean) => (fails ? reject(new ReceiverDown()) : resolve());
        inHand.set(key, { job, began: clock.now(), end });
        expect(inHand.size).toBeLessThanOrEqual(concurrency);
        expect(busy(job.endpointId)).toBeLessThanOrEqual(perEndpoint);
      });
    },
    async add(added: readonly (readonly [id: number, delay: number])[]) {
      const jobs = added.map(([id, delay]) => ({
        job: { deliveryId: `d${id}`, endpointId: `e${id % 3}`, attempt: 1 },
        at: clock.now() + delay,
      }));
      jobs.forEach(expectWaiting);
      await queue.add(jobs);
    },
    async end(which: number, fails: boolean) {
      const [key, held] = [...inHand][which % inHand.size] ?? [];
      if (!key || !held) return;
      inHand.delete(key);
      if (clock.now() - held.began >= slowMs) slowBefore.add(held.job.endpointId);
      else slowBefore.delete(held.job.endpointId);
      held.end(fails);
      await turn();
    },
    async check() {
      expect(await queue.depth()).toBe(waiting.size + inHand.size);
      if (inHand.size >= concurrency) return;
      for (const { job, at } of waiting.values()) {
        if (at > clock.now()) continue;
        if (!isSlow(job.endpointId)) expect(busy(job.endpointId)).toBe(perEndpoint);
        else if (busySlow() < slowShare) expect(busy(job.endpointId)).toBeGreaterThanOrEqual(1);
      }
    },
  };
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('delivery queue: embedded, on a clock by hand', () => {
  test('a job weeks ahead asks for no timer that the system cannot keep, and comes at its time', async () => {
    const clock = handClock();
    const queue = embeddedDeliveryQueue({ clock });
    const begun: number[] = [];
    queue.work(async () => void begun.push(clock.now()), { concurrency: 1, perEndpoint: 1 });
    const at = clock.now() + 40 * 86_400_000;
    await queue.add([{ job: { deliveryId: 'd', endpointId: 'e', attempt: 1 }, at }]);
    clock.advance(39 * 86_400_000);
    expect(begun).toEqual([]);
    clock.advance(2 * 86_400_000);
    expect(begun).toEqual([at]);
    expect(clock.asked.filter((ms) => ms >= 2 ** 31)).toEqual([]);
    expect(clock.asked.length).toBeGreaterThan(0);
  });

  test('an error of a handler is reported with its job', async () => {
    const failed: unknown[] = [];
    const queue = embeddedDeliveryQueue({ onError: (error, job) => failed.push([String(error), job]) });
    const job = { deliveryId: 'd', endpointId: 'e', attempt: 1 };
    queue.work(
      () => {
        throw new Error('broken');
      },
      { concurrency: 1, perEndpoint: 1 },
    );
    await queue.add([{ job, at: 0 }]);
    await turn();
    expect(failed).toEqual([['Error: broken', job]]);
    expect(await queue.depth()).toBe(0);
  });

  const actions = fc.array(
    fc.oneof(
      fc
        .array(fc.tuple(fc.nat(11), fc.integer({ min: -50, max: 200 })), { maxLength: 6 })
        .map((added) => ({ added })),
      fc.nat(120).map((advance) => ({ advance })),
      fc.constant({ advance: slowMs }),
      fc.record({ end: fc.nat(5), fails: fc.boolean() }),
    ),
    { maxLength: 60 },
  );

  test('no job is lost, early, twice at once or over a limit, and none waits while there is room', async () => {
    const limits = fc.record({
      concurrency: fc.integer({ min: 1, max: 4 }),
      perEndpoint: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(actions, limits, async (steps, limit) => {
        const clock = handClock();
        // What the handler finds wrong reaches the queue first, as any error of a handler does.
        const broken: unknown[] = [];
        const onError = (error: unknown) => error instanceof ReceiverDown || broken.push(error);
        const queue = embeddedDeliveryQueue({ clock, onError });
        const model = queueModel(queue, clock, limit);
        queue.work(model.handler, limit);
        for (const step of steps) {
          if ('added' in step) await model.add(step.added);
          else if ('advance' in step) clock.advance(step.advance);
          else await model.end(step.end, step.fails);
          await model.check();
          expect(broken).toEqual([]);
        }
        clock.advance(1000);
        while (model.inHand.size > 0) await model.end(0, false);
        expect(model.waiting.size).toBe(0);
        expect(broken).toEqual([]);
        await queue.close();
      }),
      { numRuns: 200 },
    );
  });

  test('many endpoints with many due jobs take turns', async () => {
    const queue = embeddedDeliveryQueue();
    const order: string[] = [];
    const jobs = Array.from({ length: 30 }, (_, index) => ({
      job: { deliveryId: `d${index}`, endpointId: `e${Math.floor(index / 10)}`, attempt: 1 },
      at: index,
    }));
    await queue.add(jobs);
    queue.work(async ({ endpointId }) => void order.push(endpointId), { concurrency: 1, perEndpoint: 1 });
    while ((await queue.depth()) > 0) await turn();
    expect(order).toEqual(Array.from({ length: 30 }, (_, index) => `e${index % 3}`));
  });

  test('jobs of the same time come in the order in which they were added', async () => {
    const queue = embeddedDeliveryQueue();
    const order: number[] = [];
    const ids = Array.from({ length: 50 }, (_, index) => index);
    await queue.add(ids.map((id) => ({ job: { deliveryId: `${id}`, endpointId: 'e', attempt: 1 }, at: 7 })));
    queue.work(async ({ deliveryId }) => void order.push(Number(deliveryId)), {
      concurrency: 3,
      perEndpoint: 3,
    });
    while ((await queue.depth()) > 0) await turn();
    expect(order).toEqual(ids);
  });

  test('the heap gives back any numbers in ascending order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (numbers) => {
        const sorted = heap<number>((a, b) => a < b);
        for (const number of numbers) sorted.push(number);
        const out = Array.from(numbers, () => sorted.pop());
        expect(out).toEqual([...numbers].sort((a, b) => a - b));
        expect(sorted.pop()).toBeUndefined();
      }),
    );
  });
});
