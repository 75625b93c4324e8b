-- Adds to what users have spent of one limit, and says what they owe: GCRA over all processes. Stands alone:
-- common.lua is not put in front of it.
--
-- KEYS 1..n one user's limit each (string: when all is paid back, in us since the epoch; gone soon after that)
-- ARGV 1 what one time costs, us  2 the most that may be owed, us: a clock set back locks nobody out for long
--      then for each key: how many times, how long ago that began (us), what the process alone knows is owed (us)
-- Returns for each key what is owed now, us

local COST, MOST = tonumber(ARGV[1]), tonumber(ARGV[2])
-- Longer than a process keeps to itself what was spent, so that those who tell one after another find each other.
local KEPT_US = 1000000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local owed = {}
for i, key in ipairs(KEYS) do
  local times, since, known = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local arrives_at = tonumber(redis.call('GET', key) or '0') or 0
  arrives_at = math.max(math.max(arrives_at, now - since) + times * COST, now + known)
  arrives_at = math.min(arrives_at, now + MOST)
  redis.call('SET', key, string.format('%.0f', arrives_at), 'PX', math.ceil((arrives_at - now + KEPT_US) / 1000))
  owed[i] = arrives_at - now
end
return owed
