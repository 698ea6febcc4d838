import { afterEach, beforeEach, expect, it } from 'vitest';
import { newId } from '../../src/domain/ids.js';
import { type OwnAppends, ownAppends } from '../../src/projections/own-appends.js';
import { type TestLog, testLog } from '../support/embedded-log.js';
import { recorded } from '../support/projected.js';

let test: TestLog;
let own: OwnAppends;
const put = async (log: OwnAppends['log'], ...types: string[]) => {
  const events = types.map((type) => ({ ...recorded({ type, data: {} }, 'a'), id: newId() }));
  return (await log.append('a', events, 'any')).position;
};
const concerns = (position: number, ...types: string[]) => own.concerns(new Set(types), position);

beforeEach(async () => {
  test = await testLog();
  own = ownAppends(test.log);
});
afterEach(() => test.stop());

it('what was appended concerns those who fold it, and nobody else', async () => {
  const position = await put(own.log, 'Made', 'Named');
  expect([concerns(position, 'Made'), concerns(position, 'Named', 'Other')]).toEqual([position, position]);
  expect(concerns(position, 'Other')).toBeUndefined();
});

it('concerns those, too, who fold what it rests on: an earlier append', async () => {
  const first = await put(own.log, 'UserMade');
  const second = await put(own.log, 'WorkspaceMade');
  expect([concerns(second, 'UserMade'), concerns(second, 'WorkspaceMade')]).toEqual([first, second]);
});

it('is not waited for longer because of a later append', async () => {
  const first = await put(own.log, 'Made');
  await put(own.log, 'Made');
  expect(concerns(first, 'Made')).toBe(first);
});

it('may concern everybody when another process has appended it', async () => {
  await put(own.log, 'Made');
  const foreign = await put(test.log, 'Made');
  expect(concerns(foreign, 'Other')).toBe(foreign);
});
