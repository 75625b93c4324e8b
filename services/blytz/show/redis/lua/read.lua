-- Reads the whole state of a show as it is at one moment, and keeps it for another while.
--
-- KEYS 1-8 as in common.lua
-- ARGV 1 as in common.lua
-- Returns {state, lots, positions, messages}, the first three as HGETALL gives them; nil when there is none

local s = load()
if not s then
  return false
end
keep(s.status, s.now)
return {
  redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]),
  redis.call('LRANGE', KEYS[5], 0, -1),
}
