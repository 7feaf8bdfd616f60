import { script } from "../../util/redis/script.js";

/**
 * Takes up to ARGV[2] messages and writes each down as unacknowledged in the same step, as kombu would after its
 * BRPOP (where a crash in between loses the message).
 *
 * KEYS: unacked hash, its index, then the lists: all queues of the first priority step, all of the second, ...
 * ARGV: now, limit, 1 to rotate the queues, 1 to keep records, number of steps, a word nobody else uses, then the
 * JSON text of each queue's name. Returns list number, record name (nil without a record) and text of each message.
 *
 * Each message of a batch scores a microsecond more than the one before: whoever restores them keeps their order.
 * Within a step queues take turns, as in kombu's round robin; what was seen empty is not asked again. The envelope is
 * parsed only to learn its delivery tag and kept as the text it is, since cjson would spoil big integers and empty
 * arrays. A record that exists under the tag belongs to another copy of the message (kombu publishes one tag to
 * several queues), so this one gets a name of its own. The record says "default exchange, this queue": that is where
 * any peer, Python too, shall restore it to, whatever it knows of the message's real exchange. What cannot be parsed
 * is handed over without a record: nothing may wedge the queue, nor the restoring of peers.
 */
export const TAKE = script(
  "take",
  `local steps = tonumber(ARGV[5])
local queues = (#KEYS - 2) / steps
local limit, rotate, keep = tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4] == '1'
local order, out, count = {}, {}, 0
for q = 1, queues do order[q] = q end
local function record(text, q)
  local ok, envelope = pcall(cjson.decode, text)
  local properties = ok and type(envelope) == 'table' and envelope.properties
  local tag = type(properties) == 'table' and properties.delivery_tag
  if type(tag) == 'number' then tag = tostring(tag) end
  if type(tag) ~= 'string' then return false end
  local value = '[' .. text .. ', "", ' .. ARGV[6 + q] .. ']'
  if redis.call('HSETNX', KEYS[1], tag, value) == 0 then
    tag = tag .. '.' .. ARGV[6] .. '.' .. count
    redis.call('HSET', KEYS[1], tag, value)
  end
  redis.call('ZADD', KEYS[2], tonumber(ARGV[1]) + count * 1e-6, tag)
  return tag
end
for step = 0, steps - 1 do
  local empty, left = {}, queues
  while left > 0 and count < limit do
    for position = 1, queues do
      local q = order[position]
      if not empty[q] then
        local list = step * queues + q
        local text = redis.pcall('RPOP', KEYS[2 + list])
        if type(text) == 'table' then
          if count == 0 then return text end
          return out
        end
        if text then
          count = count + 1
          out[count * 3 - 2] = list
          out[count * 3 - 1] = keep and record(text, q)
          out[count * 3] = text
          if rotate then
            table.remove(order, position)
            order[queues] = q
          end
          break
        end
        empty[q] = true
        left = left - 1
      end
    end
  end
end
return out`,
);

/**
 * Forgets records. KEYS: unacked hash, index. ARGV: record name and score of each. A record whose score changed was
 * restored by a peer and taken again: it is not ours any more, and a late acknowledgement must not delete it.
 */
export const ACK = script(
  "ack",
  `local done = 0
for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[2], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) then
    redis.call('ZREM', KEYS[2], ARGV[i])
    done = done + redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return done`,
);

/**
 * Puts messages back into their lists. KEYS: unacked hash, index, then lists. ARGV: RPUSH (next to be taken) or LPUSH
 * (behind all others), then number of the list, record name (empty without a record), score and text of each.
 * A record can be removed only once, so only one of several peers restores it.
 */
export const GIVE_BACK = script(
  "give back",
  `local done = 0
for i = 2, #ARGV, 4 do
  local name = ARGV[i + 1]
  local ours = name == ''
  if not ours then
    local score = redis.call('ZSCORE', KEYS[2], name)
    if score and tonumber(score) == tonumber(ARGV[i + 2]) then
      redis.call('ZREM', KEYS[2], name)
      ours = redis.call('HDEL', KEYS[1], name) == 1
    end
  end
  if ours then
    redis.call(ARGV[1], KEYS[2 + tonumber(ARGV[i])], ARGV[i + 3])
    done = done + 1
  end
end
return done`,
);

/**
 * Clears entries of the index that have no record. KEYS: unacked hash, index. ARGV: record name and score of each: one
 * that was looked at may have been taken again meanwhile, and without its entry nobody would ever restore it.
 */
export const FORGET = script(
  "forget",
  `for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[2], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) and redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0 then
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return 0`,
);

/** Empties lists. KEYS: the lists. Returns the number of messages that were in them. */
export const PURGE = script(
  "purge",
  `local count = 0
for i = 1, #KEYS do
  count = count + redis.call('LLEN', KEYS[i])
  redis.call('DEL', KEYS[i])
end
return count`,
);

/** Releases a lock that is still ours. KEYS: the lock. ARGV: our token. */
export const RELEASE = script(
  "release",
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
);

/**
 * More time for what a consumer holds. KEYS: the index of the records. ARGV: name, the score it should have, its new
 * score, of each. Returns which ones (from 1) had another score or none: they are somebody else's now, or nobody's,
 * and are left alone. Scores that change take no memory, so this works on a server that is full: it refuses a script
 * only before its first write, which is one that frees memory.
 */
export const RENEW = script(
  "renew",
  `local fresh, gone = {}, {}
for i = 1, #ARGV, 3 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) == tonumber(ARGV[i + 1]) then
    fresh[#fresh + 1] = ARGV[i + 2]
    fresh[#fresh + 1] = ARGV[i]
  else
    gone[#gone + 1] = (i + 2) / 3
  end
end
if #fresh > 0 then
  redis.call('ZREM', KEYS[1], '')
  redis.call('ZADD', KEYS[1], 'XX', unpack(fresh))
end
return gone`,
);

/**
 * Adds messages to a queue that goes away by itself (`x-expires`), and starts its time anew. KEYS: the list, then all
 * lists of the queue. ARGV: milliseconds, then texts.
 */
export const PUSH_EXPIRING = script(
  "push",
  `for i = 2, #ARGV do redis.call('LPUSH', KEYS[1], ARGV[i]) end
for i = 2, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
return 1`,
);

/**
 * Binds a queue that goes away by itself, as kombu 5.7 does: the binding gets no expiry of its own (a server short of
 * memory could drop it), but its exchange a time after which it counts as abandoned. KEYS: the bindings, the deadlines.
 * ARGV: binding, exchange, milliseconds from now.
 */
export const BIND_EXPIRING = script(
  "bind",
  `redis.call('SADD', KEYS[1], ARGV[1])
local now = redis.call('TIME')
local deadline = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000) + tonumber(ARGV[3])
local known = redis.call('ZSCORE', KEYS[2], ARGV[2])
if not known or tonumber(known) < deadline then redis.call('ZADD', KEYS[2], deadline, ARGV[2]) end
return 1`,
);

/**
 * Removes bindings that nobody refreshed in time, as kombu 5.7 does. KEYS: the deadlines. ARGV: what precedes an
 * exchange's name in the keys of its bindings, and of its permanent ones; how many exchanges at most.
 */
export const SWEEP = script(
  "sweep",
  `local now = redis.call('TIME')
local time = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local overdue = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time, 'LIMIT', 0, tonumber(ARGV[3]))
for _, exchange in ipairs(overdue) do
  if redis.call('EXISTS', ARGV[2] .. exchange) == 0 then redis.call('DEL', ARGV[1] .. exchange) end
  redis.call('ZREM', KEYS[1], exchange)
end
return #overdue`,
);
