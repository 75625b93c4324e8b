#!lua flags=allow-oom
-- Appends a closed auction to `sales` and moves it from the schedule to the closed auctions, in one step, so that
-- of any number of hammers exactly one does it. Stands alone: common.lua is not put in front of it.
--
-- KEYS 1 sales (stream)  2 schedule (sorted set)  3 closed auctions (sorted set: auction id by time, ms)
-- ARGV 1 auction id, by which consumers recognise a repeated entry  2 the closing event as JSON
--      3 how many entries `sales` keeps, about
-- Returns 1 when this call did it, 0 when another had

if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  return 0
end
-- Fails here when the key has a wrong type: after the first write it would be too late.
redis.call('ZCARD', KEYS[3])
-- First the write that can be refused: an auction that left the schedule without it would never be sold.
-- In a rehearsal nothing is sold: `reh_` is REHEARSAL_PREFIX in auction/model.py.
if string.sub(ARGV[1], 1, 4) ~= 'reh_' then
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'auction_id', ARGV[1], 'event', ARGV[2])
end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[3], tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
