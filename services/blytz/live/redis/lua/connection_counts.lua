-- Shares out the connections that each user may have over all gateways, first come, first served. Stands alone:
-- common.lua is not put in front of it.
--
-- A gateway says how many it has of each user of whom that changed; what a dead one said is forgotten.
--
-- KEYS 1 gateways (sorted set: gateway -> last sign of life, s)
--      2..n one user's connections each (hash: gateway -> how many)
-- ARGV 1 gateway  2 the most that one user may have   then for each user how many are at this gateway
-- Returns for each user how many of those may stay

local FRESH_FOR_S, KEPT_FOR_S, MAX_GATEWAYS = 10, 86400, 1024
local GATEWAY, MOST = ARGV[1], tonumber(ARGV[2])

local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - FRESH_FOR_S)
-- After a clock was set back, nobody is alive for longer than others are.
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + FRESH_FOR_S, '+inf')
redis.call('ZADD', KEYS[1], now, GATEWAY)
redis.call('EXPIRE', KEYS[1], FRESH_FOR_S)

local may_stay = {}
for i = 2, #KEYS do
  local elsewhere, said = 0, redis.call('HGETALL', KEYS[i])
  for at = 1, math.min(#said, 2 * MAX_GATEWAYS), 2 do
    if said[at] ~= GATEWAY then
      if redis.call('ZSCORE', KEYS[1], said[at]) then
        elsewhere = elsewhere + tonumber(said[at + 1])
      else
        redis.call('HDEL', KEYS[i], said[at])
      end
    end
  end
  local stay = math.min(tonumber(ARGV[i + 1]), math.max(0, MOST - elsewhere))
  if stay == 0 then
    redis.call('HDEL', KEYS[i], GATEWAY)
  else
    redis.call('HSET', KEYS[i], GATEWAY, stay)
    redis.call('EXPIRE', KEYS[i], KEPT_FOR_S)
  end
  may_stay[i - 1] = stay
end
return may_stay
