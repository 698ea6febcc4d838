// What every delivery queue does, in real time. A further adapter supplies its set-up only.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeliveryQueue, Job } from '../../src/adapters/delivery-queue/port.js';

/** `slowAfter`: ms after which a job makes its endpoint slow, where it is not to be the adapter's own. */
export type DeliveryQueueSetup = (options?: {
  slowAfter: number;
}) => Promise<{ queue: DeliveryQueue; dispose(): Promise<void> }>;

/** A promise that a test ends by hand. */
export const gate = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

/** Remembers what was handed out; `reached` resolves once that many jobs have begun. */
const recorder = (during: (job: Job) => Promise<void> = async () => undefined) => {
  const begun: { job: Job; at: number }[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    begun,
    names: () => begun.map(({ job }) => job.deliveryId),
    reached: (count: number) =>
      new Promise<void>((resolve) => {
        if (begun.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    async handler(job: Job) {
      begun.push({ job, at: Date.now() });
      for (const { count, resolve } of waiting) if (begun.length >= count) resolve();
      await during(job);
    },
  };
};

export const job = (deliveryId: string, endpointId = 'endpoint-1', attempt = 1): Job => ({
  deliveryId,
  endpointId,
  attempt,
});
export const soon = (...jobs: Job[]) => jobs.map((each) => ({ job: each, at: Date.now() }));
const many = { concurrency: 20, perEndpoint: 20 };

export const deliveryQueueContract = (name: string, setup: DeliveryQueueSetup) =>
  describe(`delivery queue: ${name}`, () => {
    let queue: DeliveryQueue;
    let dispose: () => Promise<void>;
    beforeEach(async () => {
      ({ queue, dispose } = await setup());
    });
    afterEach(() => dispose());

    test('hands out a due job whole, and then it is gone', async () => {
      const { begun, reached, handler } = recorder();
      queue.work(handler, many);
      await queue.add(soon(job('d1', 'e1', 3)));
      await reached(1);
      await queue.close();
      expect(begun.map((each) => each.job)).toEqual([job('d1', 'e1', 3)]);
      expect(await queue.depth()).toBe(0);
    });

    test('jobs added before work begins are kept', async () => {
      await queue.add(soon(job('d1'), job('d2')));
      expect(await queue.depth()).toBe(2);
      const { names, reached, handler } = recorder();
      queue.work(handler, many);
      await reached(2);
      expect(names().sort()).toEqual(['d1', 'd2']);
    });

    test('hands out no job before its time, and jobs in the order of their times', async () => {
      const { begun, names, reached, handler } = recorder();
      queue.work(handler, many);
      const now = Date.now();
      await queue.add([
        { job: job('third'), at: now + 150 },
        { job: job('first'), at: now + 50 },
        { job: job('second'), at: now + 100 },
      ]);
      await reached(3);
      expect(names()).toEqual(['first', 'second', 'third']);
      for (const [index, { at }] of begun.entries())
        expect(at).toBeGreaterThanOrEqual(now + 50 * (index + 1));
    });

    test('adding a waiting job again moves it to the earlier time, and it is handed out once', async () => {
      const { names, reached, handler } = recorder();
      queue.work(handler, many);
      const now = Date.now();
      await queue.add([
        { job: job('moved'), at: now + 600_000 },
        { job: job('kept'), at: now },
      ]);
      await queue.add([
        { job: job('moved'), at: now },
        { job: job('kept'), at: now + 600_000 },
      ]);
      await reached(2);
      await queue.add([{ job: job('last'), at: now + 200 }]);
      await reached(3);
      expect(names().sort()).toEqual(['kept', 'last', 'moved']);
    });

    test('attempts of one delivery are jobs of their own', async () => {
      const { begun, reached, handler } = recorder();
      queue.work(handler, many);
      await queue.add(soon(job('d1', 'e1', 1), job('d1', 'e1', 2)));
      await reached(2);
      expect(begun.map((each) => each.job.attempt).sort()).toEqual([1, 2]);
    });

    test('a job being worked on is not handed out again when it is added meanwhile', async () => {
      const { open, opened } = gate();
      const { names, reached, handler } = recorder((each) =>
        each.deliveryId === 'slow' ? opened : Promise.resolve(),
      );
      queue.work(handler, many);
      await queue.add(soon(job('slow')));
      await reached(1);
      await queue.add(soon(job('slow')));
      await queue.add(soon(job('other')));
      await reached(2);
      expect(await queue.depth()).toBeGreaterThanOrEqual(1);
      open();
      await queue.add([{ job: job('last'), at: Date.now() + 50 }]);
      await reached(3);
      expect(names()).toEqual(['slow', 'other', 'last']);
    });

    test('a handler that throws ends its job, which may then be added again', async () => {
      let failures = 1;
      const { names, reached, handler } = recorder(async () => {
        if (failures-- > 0) throw new Error('receiver is down');
      });
      queue.work(handler, { concurrency: 1, perEndpoint: 1 });
      await queue.add(soon(job('d1')));
      await reached(1);
      await queue.add(soon(job('next')));
      await reached(2);
      await queue.add(soon(job('d1')));
      await reached(3);
      expect(names()).toEqual(['d1', 'next', 'd1']);
    });

    test.each([
      { endpoints: 4, expected: 5 },
      { endpoints: 1, expected: 2 },
    ])(
      'at most so many jobs at once: $expected with $endpoints endpoints',
      async ({ endpoints, expected }) => {
        const { open, opened } = gate();
        const inHand: string[] = [];
        let most = 0;
        let mostOfOne = 0;
        const { reached, handler } = recorder(async ({ endpointId }) => {
          inHand.push(endpointId);
          most = Math.max(most, inHand.length);
          mostOfOne = Math.max(mostOfOne, inHand.filter((each) => each === endpointId).length);
          await opened;
          inHand.splice(inHand.indexOf(endpointId), 1);
        });
        queue.work(handler, { concurrency: 5, perEndpoint: 2 });
        await queue.add(
          soon(...Array.from({ length: 40 }, (_, index) => job(`d${index}`, `e${index % endpoints}`))),
        );
        await reached(expected);
        open();
        await reached(40);
        expect(most).toBe(expected);
        expect(mostOfOne).toBeLessThanOrEqual(2);
      },
    );

    test('an endpoint that never answers delays no other', async () => {
      const { open, opened } = gate();
      const { names, reached, handler } = recorder(({ endpointId }) =>
        endpointId === 'dead' ? opened : Promise.resolve(),
      );
      queue.work(handler, { concurrency: 4, perEndpoint: 2 });
      await queue.add(soon(...Array.from({ length: 30 }, (_, index) => job(`dead-${index}`, 'dead'))));
      await reached(2);
      await queue.add(
        soon(...Array.from({ length: 30 }, (_, index) => job(`live-${index}`, `live-${index % 3}`))),
      );
      await reached(32);
      expect(names().filter((each) => each.startsWith('dead'))).toHaveLength(2);
      open();
      await reached(60);
      expect(new Set(names()).size).toBe(60);
    });

    test('close waits for every job in hand and begins no other', async () => {
      const [first, second] = [gate(), gate()];
      let begun = 0;
      const { names, reached, handler } = recorder(() => (begun++ === 0 ? first.opened : second.opened));
      queue.work(handler, { concurrency: 2, perEndpoint: 2 });
      await queue.add(soon(job('d1'), job('d2'), job('d3')));
      await reached(2);
      let done = false;
      const closed = queue.close().then(() => {
        done = true;
      });
      const turns = async () => {
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      };
      await turns();
      expect(done).toBe(false);
      first.open();
      await turns();
      expect(done).toBe(false);
      second.open();
      await closed;
      await queue.close();
      expect(names()).toHaveLength(2);
    });
  });
