// The atomic steps of an idempotency record in Redis. A record is a hash: fp (fingerprint), at (when it began), and
// while it runs started (sealed), lease (when it lapses) and run (who holds it), or once it has ended answer (sealed).

/** The caller's time where it gives one (tests), else the server's, in ms. */
const clock = `
local function clock(given)
  if tonumber(given) >= 0 then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/**
 * KEYS: the record, the guard. ARGV: fingerprint, sealed started, who runs it, the server's run id, 1 where the server
 * evicts keys, time (-1 = the server's), lease ms, life ms. Answers state, stored text or false, 1 for a retry, 1 where a
 * record from before this one may have been lost.
 *
 * The guard is a hash of the server's run id and of the time until which records may be missing. It goes when the
 * server is emptied, as the records do; it stays behind another run id when the server was started again.
 */
export const beginScript = `${clock}
local fp, now, lease, life = ARGV[1], clock(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local guard = redis.call('HMGET', KEYS[2], 'server', 'doubt')
local doubt = tonumber(guard[2] or 0)
if guard[1] ~= ARGV[4] then
  doubt = now + life
  redis.call('HSET', KEYS[2], 'server', ARGV[4], 'doubt', doubt)
end
local record = redis.call('HMGET', KEYS[1], 'fp', 'at', 'lease', 'started', 'answer')
if not record[1] or tonumber(record[2]) <= now - life then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'fp', fp, 'at', now, 'lease', now + lease, 'started', ARGV[2], 'run', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], life)
  local doubtful = (now < doubt or ARGV[5] == '1') and 1 or 0
  return {'run', false, doubtful, doubtful}
end
if record[1] ~= fp then return {'reused', false, 0} end
if record[5] then return {'finished', record[5], 0} end
if tonumber(record[3]) > now then return {'in_progress', false, 0} end
redis.call('HSET', KEYS[1], 'lease', now + lease, 'run', ARGV[3])
return {'run', record[4], 1, (tonumber(record[2]) < doubt or ARGV[5] == '1') and 1 or 0}
`;

/** KEYS: the record. ARGV: fingerprint, sealed answer, time, life ms. A lost record is made anew; the first answer stays. */
export const finishScript = `${clock}
local record = redis.call('HMGET', KEYS[1], 'fp', 'answer')
if record[2] or (record[1] and record[1] ~= ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'fp', ARGV[1], 'answer', ARGV[2])
redis.call('HDEL', KEYS[1], 'started', 'lease', 'run')
if not record[1] then
  redis.call('HSET', KEYS[1], 'at', clock(ARGV[3]))
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1
`;

/** KEYS: the record. ARGV: who runs it. */
export const releaseScript = `
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], 'lease', 0)
`;

/** KEYS: the record. ARGV: who runs it, time, lease ms. */
export const renewScript = `${clock}
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], 'lease', clock(ARGV[2]) + tonumber(ARGV[3]))
`;
