// Rate-limit counters in Redis: sliding windows of 240 slices and the one that is being left, one key and one script a hit.

import type { StoreOptions } from '../connection.js';
import { connectRedis, failingFast, redisScript } from '../redis-connection.js';
import { hmac } from '../seal.js';
import type { Counters } from './port.js';

// A span of a whole window touches 241 slices when it does not begin at the edge of one; counting all of them is what
// keeps any span within the ceiling. A window is stored as {windowMs, slice, hits, slice, hits, …}, oldest first.
// KEYS: the key. ARGV: now, number of the judging window (from 1), its ceiling (-1 = none), windowMs of each window.
// Answers admitted (1 or 0), then used and freesAt of each window.
const hitScript = `
local now, judge, ceiling = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored = redis.call('GET', KEYS[1])
stored = stored and cmsgpack.unpack(stored) or {}
local windows, sums, longest = {}, {}, 0
for i = 4, #ARGV do
  local windowMs, held = tonumber(ARGV[i]), stored[i - 3]
  local slice = math.floor(now * 240 / windowMs)
  local window, sum = {windowMs}, 0
  if held and held[1] == windowMs and #held > 1 then
    local newest = held[#held - 1]
    -- A clock set back a little goes on in the newest slice; one set back by a window starts anew.
    if newest - slice < 241 then
      slice = math.max(slice, newest)
      for at = 2, #held, 2 do
        if slice - held[at] < 241 then
          window[#window + 1] = held[at]
          window[#window + 1] = held[at + 1]
          sum = sum + held[at + 1]
        end
      end
    end
  end
  windows[i - 3], sums[i - 3] = {window, slice}, sum
  longest = math.max(longest, windowMs)
end
local admitted = ceiling < 0 or sums[judge] < ceiling
local answer, kept = {admitted and 1 or 0}, {}
for i, pair in ipairs(windows) do
  local window, slice = pair[1], pair[2]
  if admitted then
    if window[#window - 1] == slice then window[#window] = window[#window] + 1
    else
      window[#window + 1] = slice
      window[#window + 1] = 1
    end
    sums[i] = sums[i] + 1
  end
  kept[i] = window
  answer[#answer + 1] = sums[i]
  answer[#answer + 1] = sums[i] == 0 and now or math.ceil((window[2] + 241) * window[1] / 240)
end
if admitted then redis.call('SET', KEYS[1], cmsgpack.pack(kept), 'PX', math.ceil(longest * 241 / 240)) end
return answer
`;

/**
 * Opens the counters. An idle key is gone when its longest window is over. Keys may be addresses of clients, so their
 * names in the server are HMACs with `nameKey` (32 bytes, the same in every process).
 */
export const openRedisCounters = async (
  options: StoreOptions & { readonly nameKey: Buffer },
): Promise<Counters> => {
  const redis = await connectRedis(options, failingFast);
  const hit = redisScript(redis, 1, hitScript);

  return {
    async hit(key, windows, judge, now) {
      const { ceiling = Number.POSITIVE_INFINITY } = windows[judge] ?? {};
      const answer = await hit(
        `${options.prefix}core-api:hits:${hmac(options.nameKey, key).slice(0, 32)}`,
        now,
        judge + 1,
        Number.isFinite(ceiling) ? ceiling : -1,
        ...windows.map(({ windowMs }) => windowMs),
      );
      const [admitted, ...numbers] = answer as number[];
      const usage = windows.map((_, at) => ({
        used: numbers[2 * at] ?? 0,
        freesAt: numbers[2 * at + 1] ?? now,
      }));
      return { admitted: admitted === 1, usage };
    },

    async close() {
      redis.disconnect();
    },
  };
};
