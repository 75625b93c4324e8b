-- Reads a message that was said, and those said before it. It keeps nothing longer.
--
-- KEYS 1-8 as in common.lua
-- ARGV 1 as in common.lua  2 message_id  3 how many before it, 0 to 10
-- Returns the public JSON of the messages, the oldest first; none when the log has no such message any more

-- Announcements have their ids among those of messages.
local MAX_LOOKED_AT = 30
local AT = redis.call('ZSCORE', KEYS[6], ARGV[2])

local function message_at(seq)
  local entry = redis.call('XRANGE', KEYS[4], seq .. '-0', seq .. '-0')[1]
  local public = entry and entry[2][2]
  return public and string.find(public, '"kind":"message"', 1, true) and public
end

local found = {}
if not AT or not message_at(AT) then
  return found
end
local seqs = redis.call('ZREVRANGEBYSCORE', KEYS[6], AT, '-inf', 'WITHSCORES', 'LIMIT', 0, MAX_LOOKED_AT)
for i = 2, #seqs, 2 do
  local message = #found <= tonumber(ARGV[3]) and message_at(seqs[i])
  if message then
    table.insert(found, 1, message)
  end
end
return found
