-- Decides one chat message, records and announces it.
--
-- KEYS 1-8 as in common.lua  9 mutes (hash: user -> until when, ms since the Unix epoch, 0 for good)
--      10 blocked (set of users)
-- ARGV 1 as in common.lua  2 user id  3 user as JSON {id, name}  4 '1' for a moderator or admin of the platform
--      5 message_id  6 text as JSON  7 private part of the event, a JSON object with `actor`
--      8 for a text with links whether they are links, 'true' | 'false'; else ''
-- Returns {'said', seq} | {'refused', code, retry_after_ms (-1 when it is not known)} | {'absent'}
-- Events  message

local MAX_SAID, MAX_NOT_ARCHIVED = 10000, 9000
local USER_ID, IS_STAFF, MESSAGE_ID = ARGV[2], ARGV[4] == '1', ARGV[5]

local function refuse(code, retry_after_ms)
  return {'refused', code, retry_after_ms or -1}
end

local s = load()
if not s then
  return {'absent'}
end

local badge
if USER_ID == s.seller_id then
  badge = 'seller'
end
for _, moderator in ipairs(cjson.decode(s.moderators)) do
  if not badge and moderator.id == USER_ID then
    badge = 'moderator'
  end
end
if s.readers ~= 'null' and not badge and not IS_STAFF then
  local may_read = false
  for _, reader in ipairs(cjson.decode(s.readers)) do
    may_read = may_read or reader == USER_ID
  end
  if not may_read then
    return refuse('show_not_found')
  end
end

-- Once the log no longer holds it, a message with the same id is another one.
local said = redis.call('ZSCORE', KEYS[6], MESSAGE_ID)
local first = said and redis.call('XRANGE', KEYS[4], said .. '-0', said .. '-0')[1]
if first then
  if cjson.decode(first[2][4]).actor ~= USER_ID then
    return refuse('message_id_reused')
  end
  return {'said', tonumber(said)}
end
if not is_on(s.status) then
  return refuse('not_live')
end
if redis.call('SISMEMBER', KEYS[10], USER_ID) == 1 then
  return refuse('blocked')
end
local muted_until = redis.call('HGET', KEYS[9], USER_ID)
if muted_until == '0' then
  return refuse('muted')
end
if muted_until and whole(muted_until, MAX_TIME, 'mutes') > s.now then
  return refuse('muted', whole(muted_until, MAX_TIME, 'mutes') - s.now)
end
-- The oldest event that is not archived must not be pushed out by new ones.
if s.seq - s.archived >= MAX_NOT_ARCHIVED then
  return refuse('rate_limited', 2000)
end
local is_slow = s.slow_mode_ms > 0 and not badge and not IS_STAFF
local spoke = is_slow and redis.call('ZSCORE', KEYS[7], USER_ID)
if spoke and tonumber(spoke) + s.slow_mode_ms > s.now then
  return refuse('slow_mode', tonumber(spoke) + s.slow_mode_ms - s.now)
end

local members = '"message_id":"' .. MESSAGE_ID .. '","user":' .. string.sub(ARGV[3], 1, -2) .. ',"badge":'
  .. (badge and '"' .. badge .. '"' or 'null') .. '},"text":' .. ARGV[6]
  .. (ARGV[8] ~= '' and ',"links":' .. ARGV[8] or '')
local event = publish(s, 'message', '{' .. members .. '}', ARGV[7])
redis.call('RPUSH', KEYS[5], '{"seq":' .. digits(s.seq) .. ',"at":' .. digits(s.now) .. ',' .. members .. '}')
redis.call('LTRIM', KEYS[5], -MAX_MESSAGES, -1)
redis.call('ZADD', KEYS[6], s.seq, MESSAGE_ID)
redis.call('ZREMRANGEBYRANK', KEYS[6], 0, -MAX_SAID - 1)
if is_slow then
  -- Those who may speak again are forgotten.
  redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', s.now - s.slow_mode_ms)
  redis.call('ZADD', KEYS[7], s.now, USER_ID)
end
announce(s, event)
return {'said', s.seq}
