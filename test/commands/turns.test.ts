import { describe, expect, it } from 'vitest';
import { keptTurns, turns } from '../../src/commands/turns.js';

/** Work that ends when it is told to. */
const gate = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
};
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('runs work of one key in order, also after work that fails, and other keys beside it', async () => {
    const turn = turns();
    const { opened, open } = gate();
    const ran: string[] = [];
    const first = turn('a', async () => {
      await opened;
      ran.push('first');
      throw new Error('failed');
    });
    const second = turn('a', async () => ran.push('second'));
    await turn('b', async () => ran.push('other'));
    expect(ran).toEqual(['other']);
    open();
    await expect(first).rejects.toThrow('failed');
    await second;
    expect(ran).toEqual(['other', 'first', 'second']);
  });

  it('that are kept are waited for once, and keep others off until the end', async () => {
    const live = turns();
    const { opened, open } = gate();
    const ran: string[] = [];
    const before = live('a', () => opened);
    const kept = keptTurns(live, async () => ran.push('caught up'));
    const work = Promise.all([
      kept.turns('a', async () => ran.push('one')),
      kept.turns('a', async () => ran.push('two')),
    ]);
    const after = live('a', async () => ran.push('after'));
    await settled();
    expect(ran).toEqual([]);
    open();
    await Promise.all([before, work]);
    await settled();
    expect(ran).toEqual(['caught up', 'one', 'two']);
    kept.end();
    await after;
    expect(ran).toEqual(['caught up', 'one', 'two', 'caught up', 'after']);
  });

  it('that are kept and cannot be told how far things are fail whoever wants them, and let the next go on', async () => {
    const live = turns();
    const kept = keptTurns(live, () => Promise.reject(new Error('the store is away')));
    await expect(kept.turns('a', async () => 'never')).rejects.toThrow('the store is away');
    expect(await live('a', async () => 'next')).toBe('next');
  });
});
