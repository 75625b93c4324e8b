-- Counts the viewers of one topic over all gateways, by the rule of kit/presence.py. Stands alone: common.lua is
-- not put in front of it.
--
-- A gateway reports its number when that changes, and again before the entry expires. An entry of a gateway that
-- has stopped reporting expires. An entry from the future was written before the clock was set back: it is taken
-- to be written now, so that it neither is lost nor counts for longer than others do.
--
-- KEYS 1 viewers (hash: gateway -> 'count:reported_at', s since the Unix epoch)  2 feed (channel)
--      3.. keys of the topic: one that has an end is kept for an hour from now while somebody watches
-- ARGV 1 gateway  2 count  3 for how many s a report counts  4 of how many gateways
-- Returns the total
-- Publishes viewers:<total> on the feed

local KEPT_FOR_MS = 3600000
local FRESH_FOR_S, MAX_GATEWAYS = tonumber(ARGV[3]), tonumber(ARGV[4])

local now = tonumber(redis.call('TIME')[1])
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. now)
  redis.call('EXPIRE', KEYS[1], FRESH_FOR_S)
end

local total, entries = 0, redis.call('HGETALL', KEYS[1])
for i = 1, math.min(#entries, 2 * MAX_GATEWAYS), 2 do
  local count, at = string.match(entries[i + 1], '^(%d+):(%d+)$')
  if count and now - tonumber(at) < FRESH_FOR_S then
    if tonumber(at) > now then
      redis.call('HSET', KEYS[1], entries[i], count .. ':' .. now)
    end
    total = total + tonumber(count)
  else
    redis.call('HDEL', KEYS[1], entries[i])
  end
end
if total > 0 then
  for i = 3, #KEYS do
    if redis.call('PTTL', KEYS[i]) > 0 then
      redis.call('PEXPIREAT', KEYS[i], 1000 * now + KEPT_FOR_MS)
    end
  end
end
redis.call('SPUBLISH', KEYS[2], 'viewers:' .. total)
return total
