#!lua flags=allow-oom
-- Changes when an auction that is on the schedule, or on a list of the archiver, is due next. It adds no entry, so
-- it is allowed when memory is full. Stands alone: common.lua is not put in front of it.
--
-- KEYS 1 the schedule or the list (sorted set: auction id by time, ms)
-- ARGV 1 auction id  2 the new time  3 change the entry only while it has this time, '' to change any
-- Returns 1 when the entry was changed, else 0

local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not at or (ARGV[3] ~= '' and tonumber(at) ~= tonumber(ARGV[3])) then
  return 0
end
redis.call('ZADD', KEYS[1], 'XX', ARGV[2], ARGV[1])
return 1
