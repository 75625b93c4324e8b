-- Gives a show a state and an empty log, unless it has one.
--
-- KEYS 1-8 as in common.lua
-- ARGV 1 as in common.lua  2 change  3 epoch  4 show  5 status  6 slow_mode_ms  7 seller_id  8 moderators
--      9 readers  10 chat_rules (JSON)   then for each lot its id and its JSON
-- Returns 1, or 0 when it has one

local s = load()
if s then
  keep(s.status, s.now)
  return 0
end
local now = server_now()
whole(ARGV[2], MAX_TIME, 'change')
whole(ARGV[6], MAX_TIME, 'slow_mode_ms')

redis.call('HSET', KEYS[1], 'seq', 0, 'clock', digits(now), 'change', ARGV[2], 'epoch', ARGV[3], 'show', ARGV[4],
  'open_lots', '', 'lots', '', 'host', '', 'status', ARGV[5], 'slow_mode_ms', ARGV[6], 'seller_id', ARGV[7],
  'moderators', ARGV[8], 'readers', ARGV[9], 'chat_rules', ARGV[10], 'archived', 0)
-- What an earlier state has left, when only a part of it was lost.
redis.call('DEL', unpack(KEYS, 2, #TYPES))
for i = 11, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
keep(ARGV[5], now)
return 1
