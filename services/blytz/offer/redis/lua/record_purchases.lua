#!lua flags=allow-oom
-- Appends purchases of an offer to `sales` and remembers up to which event that is done, in one step, so that of
-- any number of hammers exactly one does it, however often one dies. Stands alone: common.lua is not put in front.
--
-- KEYS 1 sales (stream)  2 open offers (hash: offer id -> seq that was passed on)
-- ARGV 1 offer id  2 the seq that the caller read  3 the seq up to which events are passed on now; '' takes off an
--      offer that has ended  4 how many entries `sales` keeps, about  5.. public JSON of the purchases among them
-- Returns 1 when this call did it, 0 when another had

if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then
  return 0
end
for i = 5, #ARGV do
  -- The first is the write that can be refused.
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'offer_id', ARGV[1], 'event', ARGV[i])
end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
end
return 1
