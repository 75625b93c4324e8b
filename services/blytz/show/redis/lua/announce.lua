-- Announces one change of the catalogue to those who watch a show, once.
--
-- KEYS 1-8 as in common.lua
-- ARGV 1 as in common.lua  2 change  3 kind  4 public, a JSON object
--      5 show (JSON; '' without one, and then 6-9 mean nothing)  6 status  7 slow_mode_ms  8 seller_id
--      9 who may read it when it has become private (JSON, 'null' when it is public)
--      10 lot id ('' for none)  11 lot (JSON; '' removes it)
--      12 open_lots  13 lots  14 host  15 moderators  16 chat_rules (JSON, '' for no change)
--      then for each lot that was moved its id and its position
-- Returns 'done' | 'gap' | 'absent'
-- Events  the one of the change, unless it was announced before

local s = load()
if not s then
  return 'absent'
end
local change = whole(ARGV[2], MAX_TIME, 'change')
if change <= s.change then
  keep(s.status, s.now)
  return 'done'
end
if change > s.change + 1 then
  return 'gap'
end
if ARGV[5] ~= '' then
  whole(ARGV[7], MAX_TIME, 'slow_mode_ms')
end

local event = publish(s, ARGV[3], ARGV[4], '{}')
redis.call('HSET', KEYS[1], 'change', digits(change))
if ARGV[5] ~= '' then
  s.status = ARGV[6]
  local readers = s.readers
  if ARGV[9] == 'null' or readers == 'null' then
    readers = ARGV[9]
  end
  redis.call('HSET', KEYS[1], 'show', ARGV[5], 'status', ARGV[6], 'slow_mode_ms', ARGV[7], 'seller_id', ARGV[8],
    'readers', readers, 'open_lots', '', 'lots', '', 'host', '')
end
for i, name in ipairs({'open_lots', 'lots', 'host', 'moderators', 'chat_rules'}) do
  if ARGV[11 + i] ~= '' then
    redis.call('HSET', KEYS[1], name, ARGV[11 + i])
  end
end
if ARGV[10] ~= '' then
  redis.call('HDEL', KEYS[3], ARGV[10])
  if ARGV[11] ~= '' then
    redis.call('HSET', KEYS[2], ARGV[10], ARGV[11])
  else
    redis.call('HDEL', KEYS[2], ARGV[10])
  end
end
for i = 17, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
  end
end
announce(s, event)
return 'done'
