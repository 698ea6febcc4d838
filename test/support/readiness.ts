// Looks at /ready all the time, to judge afterwards whether it told the truth.
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ServerProcess } from './server.js';

/** `at` = when it was asked, `status` 0 = no answer. */
type Sample = { readonly at: number; readonly pid: number; readonly status: number; readonly text: string };

export type ReadinessWatch = {
  /** Fails unless all that were asked in this time said that they are not ready, naming the setting. */
  expectUnready(from: number, to: number, setting: string): void;
  /** Fails if one that was asked in this time said that a server is away. That it has not caught up may be true. */
  expectNoneAway(from: number, to: number): void;
  /** Resolves when all who were asked have answered. */
  answered(): Promise<void>;
  stop(): Promise<void>;
};

const look = async ({ url, pid }: ServerProcess): Promise<Sample> => {
  const at = Date.now();
  try {
    const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(10_000) });
    return { at, pid, status: response.status, text: await response.text() };
  } catch (error) {
    return { at, pid, status: 0, text: String(error) };
  }
};

/** Resolves when all of these say that they are ready. Rejects after `timeoutMs` with what they say. */
export const ready = async (processes: readonly ServerProcess[], timeoutMs = 30_000): Promise<void> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const samples = await Promise.all(processes.map(look));
    const unready = samples.find(({ status }) => status !== 200);
    if (!unready) return;
    if (Date.now() > deadline) throw new Error(`not ready in time: ${unready.status} ${unready.text}`);
    await delay(50);
  }
};

/** Begins to look. `targets` = the processes that run now. */
export const watchReadiness = (targets: () => readonly ServerProcess[]): ReadinessWatch => {
  const samples: Sample[] = [];
  const looking = new Set<Promise<void>>();
  // The next look does not wait for the answer to this one: that is late when a server is frozen.
  const timer = setInterval(() => {
    for (const target of targets()) {
      const looked: Promise<void> = look(target).then((sample) => {
        samples.push(sample);
        looking.delete(looked);
      });
      looking.add(looked);
    }
  }, 250);
  const within = (from: number, to: number) => {
    const found = samples.filter(({ at }) => at >= from && at <= to);
    expect(found.length, 'nobody was asked in this time').toBeGreaterThan(0);
    return found;
  };
  return {
    expectUnready(from, to, setting) {
      for (const { status, text } of within(from, to)) {
        expect(status, text).toBe(503);
        expect(text).toContain(setting);
      }
    },
    expectNoneAway(from, to) {
      for (const { text } of within(from, to)) expect(text).not.toMatch(/_URL/);
    },
    async answered() {
      await Promise.all(looking);
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(looking);
    },
  };
};
