-- Counts the viewers of one auction over all gateways. Stands alone: common.lua is not put in front of it.
--
-- A gateway says how many it has whenever that changes, and again now and then; what a dead one said is forgotten.
--
-- KEYS 1 viewers (hash: gateway -> 'count:said_at')  2 feed (channel)
-- ARGV 1 gateway  2 count
-- Returns the total
-- Publishes viewers:<total> on the feed

local FRESH_FOR_S, MAX_GATEWAYS = 30, 1024

local now = tonumber(redis.call('TIME')[1])
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. now)
  redis.call('EXPIRE', KEYS[1], FRESH_FOR_S)
end

local total, said = 0, redis.call('HGETALL', KEYS[1])
for i = 1, math.min(#said, 2 * MAX_GATEWAYS), 2 do
  local count, at = string.match(said[i + 1], '^(%d+):(%d+)$')
  if count and now - tonumber(at) < FRESH_FOR_S then
    total = total + tonumber(count)
  else
    redis.call('HDEL', KEYS[1], said[i])
  end
end
redis.call('SPUBLISH', KEYS[2], 'viewers:' .. total)
return total
