-- One act of a moderator in the chat of a show.
--
-- KEYS 1-10 as in say.lua
-- ARGV 1 as in common.lua  2 act: 'mute' | 'remove' | 'announce'  3 private part of the event, a JSON object
--      4 user id | message_id | text as JSON
--      5 for a mute how long, ms: '' for good, 0 lifts it; for an announcement its id, by which it is made once
-- Returns 'done' | 'absent' | 'not_found' | 'too_many'
-- Events  user_muted | message_removed | announcement

local MAX_MUTES, MUTES_KEPT_FOR_MS, MAX_SAID = 10000, 2592000000, 10000
local ACT, SUBJECT = ARGV[2], ARGV[4]

local s = load()
if not s then
  return 'absent'
end

if ACT == 'mute' then
  local for_ms = ARGV[5] ~= '' and whole(ARGV[5], MAX_TIME, 'for_ms')
  if for_ms ~= 0 and redis.call('HEXISTS', KEYS[9], SUBJECT) == 0 and redis.call('HLEN', KEYS[9]) >= MAX_MUTES then
    return 'too_many'
  end
  if for_ms == 0 and redis.call('HEXISTS', KEYS[9], SUBJECT) == 0 then
    return 'done'
  end
  local until_ms = for_ms and digits(s.now + for_ms)
  local event = publish(s, 'user_muted', '{"user_id":' .. cjson.encode(SUBJECT) .. ',"until":'
    .. (until_ms or 'null') .. '}', ARGV[3])
  if for_ms == 0 then
    redis.call('HDEL', KEYS[9], SUBJECT)
  else
    redis.call('HSET', KEYS[9], SUBJECT, until_ms or '0')
    redis.call('PEXPIRE', KEYS[9], MUTES_KEPT_FOR_MS)
  end
  announce(s, event)
  return 'done'
end

if ACT == 'remove' then
  if not redis.call('ZSCORE', KEYS[6], SUBJECT) then
    return 'not_found'
  end
  local found
  for _, message in ipairs(redis.call('LRANGE', KEYS[5], 0, -1)) do
    if cjson.decode(message).message_id == SUBJECT then
      found = message
    end
  end
  local event = publish(s, 'message_removed', '{"message_id":"' .. SUBJECT .. '"}', ARGV[3])
  if found then
    redis.call('LREM', KEYS[5], 0, found)
  end
  announce(s, event)
  return 'done'
end

if redis.call('ZSCORE', KEYS[6], ARGV[5]) then
  return 'done'
end
local event = publish(s, 'announcement', '{"text":' .. SUBJECT .. '}', ARGV[3])
redis.call('ZADD', KEYS[6], s.seq, ARGV[5])
redis.call('ZREMRANGEBYRANK', KEYS[6], 0, -MAX_SAID - 1)
announce(s, event)
return 'done'
