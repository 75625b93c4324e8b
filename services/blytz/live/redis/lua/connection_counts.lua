-- Shares out the connections that each user may have over all gateways, first come, first served. Stands alone:
-- common.lua is not put in front of it.
--
-- A gateway reports its number of connections of each user for whom that has changed. The numbers of a gateway
-- that has stopped reporting expire with its lease.
--
-- KEYS 1 gateways (sorted set: gateway -> last report, s since the Unix epoch)
--      2..n one user's connections each (hash: gateway -> how many)
-- ARGV 1 gateway  2 maximum for one user   then for each user how many are at this gateway
-- Returns for each user how many of those may stay

local FRESH_FOR_S, KEPT_FOR_S, MAX_GATEWAYS = 10, 86400, 1024
local GATEWAY, MAX = ARGV[1], tonumber(ARGV[2])

local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - FRESH_FOR_S)
-- A report from the future was made before the clock was set back: it is taken to be made now, so that its lease
-- neither ends at once nor lasts longer than others do.
for _, gateway in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'LIMIT', 0, MAX_GATEWAYS)) do
  redis.call('ZADD', KEYS[1], now, gateway)
end
redis.call('ZADD', KEYS[1], now, GATEWAY)
redis.call('EXPIRE', KEYS[1], FRESH_FOR_S)

local may_stay = {}
for i = 2, #KEYS do
  local elsewhere, reported = 0, redis.call('HGETALL', KEYS[i])
  for at = 1, math.min(#reported, 2 * MAX_GATEWAYS), 2 do
    if reported[at] ~= GATEWAY then
      if redis.call('ZSCORE', KEYS[1], reported[at]) then
        elsewhere = elsewhere + tonumber(reported[at + 1])
      else
        redis.call('HDEL', KEYS[i], reported[at])
      end
    end
  end
  local stay = math.min(tonumber(ARGV[i + 1]), math.max(0, MAX - elsewhere))
  if stay == 0 then
    redis.call('HDEL', KEYS[i], GATEWAY)
  else
    redis.call('HSET', KEYS[i], GATEWAY, stay)
    redis.call('EXPIRE', KEYS[i], KEPT_FOR_S)
  end
  may_stay[i - 1] = stay
end
return may_stay
