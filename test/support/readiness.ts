// Looks at /ready all the time, to judge afterwards whether it told the truth.
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ServerProcess } from './server.js';

/** `status` 0 = no answer. */
type Sample = { readonly at: number; readonly pid: number; readonly status: number; readonly text: string };

export type ReadinessWatch = {
  /** Fails unless all that were asked in this time said that they are not ready, naming the setting. */
  expectUnready(from: number, to: number, setting: string): void;
  /** Fails if one that was asked in this time said that it is not ready. */
  expectReady(from: number, to: number): void;
  stop(): Promise<void>;
};

const look = async ({ url, pid }: ServerProcess): Promise<Sample> => {
  const at = Date.now();
  try {
    const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(5_000) });
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
  let watching = true;
  const running = (async () => {
    while (watching) {
      samples.push(...(await Promise.all(targets().map(look))));
      await delay(100);
    }
  })();
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
    expectReady(from, to) {
      for (const { status, text } of within(from, to)) expect(status, text).toBe(200);
    },
    async stop() {
      watching = false;
      await running;
    },
  };
};
