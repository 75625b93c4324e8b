-- Passes a closed auction on to `sales` and takes it off the schedule, in one step, so that of any number of
-- hammers exactly one passes it on. Stands alone: common.lua is not put in front of it.
--
-- KEYS 1 sales (stream)  2 schedule (sorted set; in the slot of `sales`)
-- ARGV 1 auction id, the key of idempotence for consumers  2 the closing event as JSON
-- Returns 1 when this call passed it on, 0 when another had

if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  return 0
end
-- First what can be refused: an auction that left the schedule without it would be forgotten.
redis.call('XADD', KEYS[1], '*', 'auction_id', ARGV[1], 'event', ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
