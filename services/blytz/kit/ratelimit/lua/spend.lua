-- Adds to what users have spent of one limit, and returns what they owe: GCRA over all processes. Stands alone:
-- common.lua is not put in front of it.
--
-- KEYS 1..n one user's limit each (string: theoretical arrival time, us since the epoch; expires soon after it)
-- ARGV 1 cost of one unit, us  2 burst window, us: how long a whole burst takes to be paid back
--      then for each key: units spent, how long ago that began (us), what this process alone knows is owed (us)
-- Returns for each key what is owed now, us

local COST, WINDOW = tonumber(ARGV[1]), tonumber(ARGV[2])
-- Processes that overdraw before they know of each other owe more than one window; past this it is forgiven.
local MAX_WINDOWS = 10
-- Longer than a process waits before it reports, so that reports of several processes meet.
local KEEP_US = 1000000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local owed = {}
for i, key in ipairs(KEYS) do
  local units, since, known = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local arrives_at = tonumber(redis.call('GET', key) or '0') or 0
  if arrives_at > now + MAX_WINDOWS * WINDOW then
    -- More than anybody can owe: the clock has stepped backward since. The user may have spent one burst.
    arrives_at = now + WINDOW
  end
  arrives_at = math.max(math.max(arrives_at, now - since) + units * COST, now + known)
  arrives_at = math.min(arrives_at, now + MAX_WINDOWS * WINDOW)
  redis.call('SET', key, string.format('%.0f', arrives_at), 'PX', math.ceil((arrives_at - now + KEEP_US) / 1000))
  owed[i] = arrives_at - now
end
return owed
