// What every store of idempotency records does. A further adapter supplies its set-up only.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Begun, Idempotency, Started, StoredAnswer } from '../../src/adapters/idempotency/port.js';

export type IdempotencySetup = () => Promise<{
  store: Idempotency;
  /** The time that the store goes by, in Unix ms. */
  clock: { now: number };
  /** Closes the store and opens it again. */
  restart(): Promise<Idempotency>;
  /** The process dies without a word; answers the store of the next one, when all that the dead one ran has lapsed. */
  crash(): Promise<Idempotency>;
  dispose(): Promise<void>;
}>;

const day = 24 * 3_600_000;

const answer: StoredAnswer = {
  status: 201,
  body: '{"data":{"name":"Grün 😀 \\u0000","note":"a\\"b"}}\n',
  headers: { 'content-type': 'application/json; charset=utf-8', location: '/api/v1/workspaces/7' },
  person: '01980000-0000-7000-8000-00000000000a',
};

export const idempotencyContract = (name: string, setup: IdempotencySetup) =>
  describe(`idempotency: ${name}`, () => {
    let given: Awaited<ReturnType<IdempotencySetup>>;
    let key: string;
    beforeEach(async () => {
      given = await setup();
      key = `${randomUUID()} order-17`;
    });
    afterEach(() => given.dispose());

    const fresh = (fingerprint = 'f1'): Started => ({
      commandId: randomUUID(),
      fingerprint: fingerprint.repeat(32),
      seed: Buffer.from(randomUUID()).toString('base64'),
      at: new Date(given.clock.now).toISOString(),
    });
    const states = (begun: readonly Begun[]) => begun.map(({ state }) => state).sort();

    test('a new key runs with what was given', async () => {
      const started = fresh();
      expect(await given.store.begin(key, started)).toEqual({ state: 'run', started, retry: false });
    });

    test('while it runs, the same request is in progress and another one is reused', async () => {
      await given.store.begin(key, fresh());
      expect(await given.store.begin(key, fresh())).toEqual({ state: 'in_progress' });
      expect(await given.store.begin(key, fresh('f2'))).toEqual({ state: 'reused' });
    });

    test('of ten begins at once one runs', async () => {
      const begun = await Promise.all(Array.from({ length: 10 }, () => given.store.begin(key, fresh())));
      expect(states(begun)).toEqual([...Array(9).fill('in_progress'), 'run']);
    });

    test('keys do not touch each other', async () => {
      await given.store.begin(key, fresh());
      expect(await given.store.begin(`${key}0`, fresh('f2'))).toMatchObject({ state: 'run', retry: false });
    });

    test.each([true, false])(
      'a finished answer comes back byte for byte, also after a restart (durable: %s)',
      async (durable) => {
        await given.store.begin(key, fresh());
        await given.store.finish(key, answer, { durable });
        expect(await given.store.begin(key, fresh())).toEqual({ state: 'finished', answer });
        expect(await given.store.begin(key, fresh('f2'))).toEqual({ state: 'reused' });
        const restarted = await given.restart();
        expect(await restarted.begin(key, fresh())).toEqual({ state: 'finished', answer });
        expect(await restarted.begin(key, fresh('f2'))).toEqual({ state: 'reused' });
      },
    );

    test('ten begins at once of a finished key all get its answer', async () => {
      await given.store.begin(key, fresh());
      await given.store.finish(key, answer, { durable: false });
      const begun = await Promise.all(Array.from({ length: 10 }, () => given.store.begin(key, fresh())));
      expect(begun).toEqual(Array(10).fill({ state: 'finished', answer }));
    });

    test('a released run runs again with what was stored, looking for its events first', async () => {
      const first = fresh();
      await given.store.begin(key, first);
      await given.store.release(key);
      expect(await given.store.begin(key, fresh('f2'))).toEqual({ state: 'reused' });
      expect(await given.store.begin(key, fresh())).toEqual({ state: 'run', started: first, retry: true });
      expect(await given.store.begin(key, fresh())).toEqual({ state: 'in_progress' });
    });

    test('a run that a crash ended runs again with what was stored, once', async () => {
      const first = fresh();
      await given.store.begin(key, first);
      const next = await given.crash();
      expect(await next.begin(key, fresh('f2'))).toEqual({ state: 'reused' });
      const begun = await Promise.all(Array.from({ length: 10 }, () => next.begin(key, fresh())));
      expect(states(begun)).toEqual([...Array(9).fill('in_progress'), 'run']);
      expect(begun).toContainEqual({ state: 'run', started: first, retry: true });
      await next.finish(key, answer, { durable: true });
      expect(await next.begin(key, fresh())).toEqual({ state: 'finished', answer });
    });

    test('a durable answer survives a crash', async () => {
      await given.store.begin(key, fresh());
      await given.store.finish(key, answer, { durable: true });
      const next = await given.crash();
      expect(await next.begin(key, fresh())).toEqual({ state: 'finished', answer });
    });

    test('after a crash an answer that was not durable is given again or run again, never run as new', async () => {
      const first = fresh();
      await given.store.begin(key, first);
      await given.store.finish(key, answer, { durable: false });
      const next = await given.crash();
      const begun = await next.begin(key, fresh());
      expect([
        { state: 'finished', answer },
        { state: 'run', started: first, retry: true },
      ]).toContainEqual(begun);
    });

    test.each(['finished', 'released', 'crashed'])(
      '24 h after it began a %s key is as if new',
      async (end) => {
        let store = given.store;
        await store.begin(key, fresh());
        if (end === 'finished') await store.finish(key, answer, { durable: true });
        if (end === 'released') await store.release(key);
        if (end === 'crashed') store = await given.crash();
        given.clock.now += day - 1;
        expect(await store.begin(key, fresh('f2'))).toEqual({ state: 'reused' });
        given.clock.now += 1;
        const later = fresh('f2');
        expect(await store.begin(key, later)).toEqual({ state: 'run', started: later, retry: false });
        await store.finish(key, { ...answer, status: 409 }, { durable: true });
        expect(await store.begin(key, fresh('f2'))).toMatchObject({
          state: 'finished',
          answer: { status: 409 },
        });
      },
    );

    test('an old record is as if absent after a restart, and a younger one is kept', async () => {
      await given.store.begin(key, fresh());
      await given.store.finish(key, answer, { durable: true });
      given.clock.now += day / 2;
      await given.store.begin('younger', fresh());
      await given.store.finish('younger', answer, { durable: true });
      given.clock.now += day / 2;
      const restarted = await given.restart();
      expect(await restarted.begin('younger', fresh())).toEqual({ state: 'finished', answer });
      expect(await restarted.begin(key, fresh())).toMatchObject({ state: 'run', retry: false });
    });

    test('finishing or releasing what is not running changes nothing', async () => {
      await given.store.finish(key, answer, { durable: true });
      await given.store.release(key);
      expect(await given.store.begin(key, fresh())).toMatchObject({ state: 'run', retry: false });
      await given.store.finish(key, answer, { durable: true });
      await given.store.finish(key, { ...answer, status: 500 }, { durable: true });
      await given.store.release(key);
      expect(await given.store.begin(key, fresh())).toEqual({ state: 'finished', answer });
    });

    test('a run with stored values is followed by many others, and each keeps its own', async () => {
      const runs = Array.from({ length: 200 }, (_, index) => ({ key: `${key}-${index}`, started: fresh() }));
      await Promise.all(runs.map((run) => given.store.begin(run.key, run.started)));
      await Promise.all(
        runs.map((run, index) =>
          given.store.finish(run.key, { ...answer, body: String(index) }, { durable: index % 3 === 0 }),
        ),
      );
      const restarted = await given.restart();
      const found = await Promise.all(runs.map((run) => restarted.begin(run.key, fresh())));
      expect(found).toEqual(
        runs.map((_, index) => ({ state: 'finished', answer: { ...answer, body: String(index) } })),
      );
    });
  });
