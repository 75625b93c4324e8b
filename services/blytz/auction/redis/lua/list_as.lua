#!lua flags=allow-oom
-- Puts an auction into the list of its status and takes it out of the list where it was. The lists hold no more
-- after it, so it is allowed when memory is full. Stands alone: common.lua is not put in front of it.
--
-- KEYS one sorted set of auction ids per status, those of a final status last
-- ARGV 1 auction id  2 which of KEYS it belongs to  3 do so only while it is in this one; 0 only while it is in
--      none, '' in any case  4 how many of KEYS are of a status that is not final
-- Returns 1 when this call changed something, else 0

local found = 0
for number, list in ipairs(KEYS) do
  if redis.call('ZSCORE', list, ARGV[1]) then
    found = number
  end
end
local right = tonumber(ARGV[2])
-- A caller may be late, but a final status never changes.
if found == right or found > tonumber(ARGV[4]) or (ARGV[3] ~= '' and tonumber(ARGV[3]) ~= found) then
  return 0
end
redis.call('ZADD', KEYS[right], 0, ARGV[1])
if found > 0 then
  redis.call('ZREM', KEYS[found], ARGV[1])
end
return 1
