#!lua flags=allow-oom
-- Makes values of the catalogue's cache invalid: those of the scopes, or all of them.
--
-- KEYS 1 values  2 versions, as in keep.lua
-- ARGV 1 the most scopes that have a version  2.. scopes; none for all
-- Returns 1

if #ARGV == 1 or redis.call('HLEN', KEYS[2]) > tonumber(ARGV[1]) then
  local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0') + 1
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'bytes', 0)
  return 1
end
for i = 2, #ARGV do
  redis.call('HINCRBY', KEYS[2], ARGV[i], 1)
end
return 1
