-- Creates an auction, or opens a scheduled one whose time has come; both safe to repeat.
--
-- KEYS 1-3 as in common.lua  4 the operation, only to create for a request with an Idempotency-Key
-- ARGV 1-3 as in common.lua  4 recorded steps of the clock, ms; to create: 5.. field, value, ... of the new state
-- Returns {'ok', now} | {'not_yet', remaining_ms, now} | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  opened

local STEPPED_MS = tonumber(ARGV[4])

local a = load()
if not a or a.status == 'scheduled' then
  check_clock(STEPPED_MS)
end
if not a and #ARGV > 4 then
  if redis.call('EXISTS', KEYS[2]) == 1 then
    corrupt('events without an auction')
  end
  local given, v = {}, {}
  for i = 5, #ARGV, 2 do
    given[ARGV[i]] = ARGV[i + 1]
  end
  for i = 1, #FIELDS do
    v[i] = given[FIELDS[i]]
  end
  a = parse_state(v)
  -- Here this is the first write. What follows cannot be refused any more: there are no events yet.
  redis.call('HSET', KEYS[1], unpack(ARGV, 5))
end
if not a then
  return refuse('auction_not_found')
end
local now = now_for(a)
if a.status ~= 'scheduled' then
  if FINAL[a.status] and #ARGV == 4 then
    return refuse('auction_not_open', a, now)
  end
  return {'ok', now}
end
if a.starts_at and now < a.starts_at then
  mark_done(a, KEYS[4])
  return {'not_yet', a.starts_at - now, now}
end

a.stepped_ms = STEPPED_MS
a.status, a.clock, a.opened_at, a.ends_at = 'open', now, now, now + a.duration_ms
a.hard_stop_at = a.max_total_ms and now + a.max_total_ms
change(a, 'opened', '', '"stepped_ms":' .. digits(STEPPED_MS) .. ',')
redis.call('HSET', KEYS[1], 'stepped_ms', text(STEPPED_MS))
mark_done(a, KEYS[4])
return {'ok', now}
