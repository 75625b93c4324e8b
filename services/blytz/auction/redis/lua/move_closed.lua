#!lua flags=allow-oom
-- Moves a closed auction from one list of the archiver to the other. It adds no more than it removes, so it is
-- allowed when memory is full. Stands alone: common.lua is not put in front of it.
--
-- KEYS 1 the list it is in  2 the list it goes to (sorted sets: auction id by time, ms)
-- ARGV 1 auction id  2 its time in the new list
-- Returns 1, or 0 when it is not in the first list: another archiver was quicker

if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 0
end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
