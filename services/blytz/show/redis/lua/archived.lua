#!lua flags=allow-oom
-- Notes up to which event a show is archived. Stands alone: common.lua is not put in front of it.
--
-- KEYS 1 state (hash)
-- ARGV 1 epoch  2 seq
-- Returns 1, or 0 when the show has another history by now

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return 0
end
local before = tonumber(redis.call('HGET', KEYS[1], 'archived') or '0')
if tonumber(ARGV[2]) > before then
  redis.call('HSET', KEYS[1], 'archived', ARGV[2])
end
return 1
