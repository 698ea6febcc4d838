import { describe, expect, it } from 'vitest';
import { embeddedReadModels } from '../../src/adapters/read-models/embedded.js';
import { checkpointOnly, reactor } from '../../src/commands/reactor.js';
import { keptIn } from '../../src/projections/checkpoints.js';
import { recorded } from '../support/projected.js';

const model = checkpointOnly('followers', 'everything is done');
const happened = recorded({ type: 'Happened', data: {} }, 'a');

const setUp = () => {
  const progress = keptIn(embeddedReadModels([model]), model, 'log');
  const left: string[] = [];
  const done: string[] = [];
  const handler = reactor({
    model,
    progress,
    types: ['Happened'],
    note: ({ id }) => void left.push(id),
    async settle() {
      done.push(...left.splice(0));
    },
    isIdle: () => left.length === 0,
    clear: () => void left.splice(0),
  });
  return { handler, done, storedTo: async () => (await progress.look()).position };
};

describe('a reactor', () => {
  it('is not passed by while anything is left to do, so that its checkpoint stays before that', async () => {
    const { handler, done, storedTo } = setUp();
    await handler.start();
    expect(handler.skip(0)).toBe(true);
    await handler.handle({ events: [happened], position: 1, caughtUp: false });
    expect(handler.skip(2)).toBe(false);
    await handler.stop();
    expect([done, await storedTo()]).toEqual([[], 0]);
    await handler.handle({ events: [], position: 2, caughtUp: true });
    expect([done, await storedTo()]).toEqual([[happened.id], 2]);
    expect(handler.skip(3)).toBe(true);
    await handler.stop();
    expect(await storedTo()).toBe(3);
  });
});
