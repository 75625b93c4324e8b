-- Creates an offer and opens it; safe to repeat.
--
-- KEYS 1-3 as in common.lua
-- ARGV 1-2 as in common.lua  3.. field, value, ... of the new state
-- Returns {'ok', now}
-- Events  opened

local o = load()
if o then
  return {'ok', now_for(o)}
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  corrupt('events without an offer')
end
local given, v = {}, {}
for i = 3, #ARGV, 2 do
  given[ARGV[i]] = ARGV[i + 1]
end
for i = 1, #FIELDS do
  v[i] = given[FIELDS[i]]
end
o = parse_state(v)
local now = server_now()
o.clock, o.opened_at, o.sale_ends_at = now, now, o.sale_for_ms and now + o.sale_for_ms
-- Here this is the first write. What follows cannot be refused any more: there are no events yet.
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
change(o, 'opened', '', '')
return {'ok', now}
