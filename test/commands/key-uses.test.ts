import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventsIn } from '../support/embedded-log.js';
import { type Tenancy, tenancy } from '../support/tenancy.js';

const a = '01980000-0000-7000-8000-00000000000a';
const b = '01980000-0000-7000-8000-00000000000b';
const at = (time: string) => new Date(`2026-01-15T${time}Z`);

let test: Tenancy;
beforeEach(async () => {
  test = await tenancy();
});
afterEach(() => test.stop());
const lastUsed = async (...ids: string[]) => Object.fromEntries(await test.now.uses.lastUsed(ids));

describe('the last use of a key', () => {
  it('is shown at once where it was noted; a key that was never used has none', async () => {
    test.now.uses.note(a, at('10:30:00.000'));
    expect(await lastUsed(a, b)).toEqual({ [a]: '2026-01-15T10:30:00.000Z' });
    expect(await eventsIn(test.now.log)).toEqual([]);
  });

  it('is the latest of all', async () => {
    test.now.uses.note(a, at('10:30:05.000'));
    test.now.uses.note(a, at('10:30:00.000'));
    expect(await lastUsed(a)).toEqual({ [a]: '2026-01-15T10:30:05.000Z' });
    await test.now.uses.flush();
    test.now.uses.note(a, at('10:29:00.000'));
    expect(await lastUsed(a)).toEqual({ [a]: '2026-01-15T10:30:05.000Z' });
    test.now.uses.note(a, at('10:31:00.000'));
    expect(await lastUsed(a)).toEqual({ [a]: '2026-01-15T10:31:00.000Z' });
  });

  it('of many requests with many keys is written as one event', async () => {
    for (let n = 0; n < 500; n++)
      test.now.uses.note(n % 2 ? a : b, new Date(Date.UTC(2026, 0, 15, 10, 30, 0, n)));
    await test.now.uses.flush();
    await test.now.uses.flush();
    const events = await eventsIn(test.now.log, 'keyUse');
    expect(events.map(({ data }) => data)).toEqual([
      {
        uses: expect.arrayContaining([
          { keyId: a, at: '2026-01-15T10:30:00.499Z' },
          { keyId: b, at: '2026-01-15T10:30:00.498Z' },
        ]),
      },
    ]);
  });

  it('survives a clean stop', async () => {
    test.now.uses.start();
    test.now.uses.note(a, at('10:30:00.000'));
    await test.now.uses.stop();
    await test.restart();
    expect(await lastUsed(a)).toEqual({ [a]: '2026-01-15T10:30:00.000Z' });
  });

  it('that could not be written is kept, and written the next time', async () => {
    test.now.uses.note(a, at('10:30:00.000'));
    test.limit.appendsLeft = 0;
    await expect(test.now.uses.flush()).rejects.toThrow('stopped by the test');
    await test.now.uses.stop(); // reports and goes on: a stop never fails for this
    expect(await lastUsed(a)).toEqual({ [a]: '2026-01-15T10:30:00.000Z' });
    test.limit.appendsLeft = 1;
    await test.now.uses.flush();
    expect(await eventsIn(test.now.log, 'keyUse')).toHaveLength(1);
  });

  it('of more keys than fit one event is split', async () => {
    const ids = Array.from(
      { length: 5_001 },
      (_, n) => `01980000-0000-7000-8000-${n.toString().padStart(12, '0')}`,
    );
    for (const id of ids) test.now.uses.note(id, at('10:30:00.000'));
    await test.now.uses.flush();
    expect(await eventsIn(test.now.log, 'keyUse')).toHaveLength(2);
    await test.restart();
    expect(Object.keys(await lastUsed(...ids))).toHaveLength(5_001);
  });
});
