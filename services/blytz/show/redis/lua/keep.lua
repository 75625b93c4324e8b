-- Keeps a value of the catalogue's cache, unless what it was read from has been changed since. Past the bound
-- everything is forgotten: that happens rarely, and keeps the sum of all values simple.
--
-- KEYS 1 values (hash: name -> `<version> <expires_at> <JSON>`)  2 versions (hash: scope -> version, and `epoch`)
-- ARGV 1 name  2 scope  3 the version that was seen before the catalogue was read  4 expires_at, s  5 JSON
--      6 the most bytes that all values may have
-- Returns 1 when it was kept, else 0

local function version()
  local found = redis.call('HMGET', KEYS[2], 'epoch', ARGV[2])
  return (found[1] or '0') .. '.' .. (found[2] or '0')
end

if version() ~= ARGV[3] then
  return 0
end
local value = ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5]
local bytes = tonumber(redis.call('HGET', KEYS[2], 'bytes') or '0') + #ARGV[1] + #value
if bytes > tonumber(ARGV[6]) then
  local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0') + 1
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'bytes', 0)
  return 0
end
local before = redis.call('HSTRLEN', KEYS[1], ARGV[1])
bytes = bytes - (before > 0 and #ARGV[1] + before or 0)
redis.call('HSET', KEYS[1], ARGV[1], value)
redis.call('HSET', KEYS[2], 'bytes', bytes)
return 1
