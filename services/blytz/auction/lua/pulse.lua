-- Shows that Redis and a hammer are alive, and so tells afterwards how long they were not.
-- Stands alone: common.lua is not put in front of it.
--
-- A gap since the last pulse was an outage when this is another run of Redis, or when a hammer lived through it
-- and asked in vain. When only the hammers were away bids could be decided, and no time was lost.
--
-- KEYS 1 pulse (hash)
-- ARGV 1 run id of this Redis  2 how long the caller has asked in vain, ms  3 a gap longer than this counts, ms
-- Returns {now, began_at, ended_at} of the last outage, 0 and 0 when there was none

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local last = redis.call('HMGET', KEYS[1], 'at', 'run_id', 'began_at', 'ended_at')
local began_at, ended_at = tonumber(last[3] or 0), tonumber(last[4] or 0)

local at, least = tonumber(last[1] or 0), tonumber(ARGV[3])
local in_vain = tonumber(ARGV[2]) > least and now - at > least
if at > 0 and (last[2] ~= ARGV[1] or in_vain) then
  began_at, ended_at = at, now
end
redis.call('HSET', KEYS[1], 'at', string.format('%d', math.max(now, at)), 'run_id', ARGV[1],
  'began_at', string.format('%d', began_at), 'ended_at', string.format('%d', ended_at))
return {now, began_at, ended_at}
