-- Gives an open auction more time, up to its hard stop.
--
-- KEYS 1-3 as in common.lua
-- ARGV 1-2 as in common.lua  3 by_ms
-- Returns {'ok', now} | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  extended_by_seller

local BY_MS = whole(ARGV[3], MAX_DURATION, 'by_ms')

local a = load()
if not a then
  return refuse('auction_not_found')
end
local now = now_for(a)
if a.status ~= 'open' then
  return refuse('auction_not_open', a, now)
end
if now >= a.ends_at then
  return refuse('auction_ended', a, now)
end
local ends_at = capped(a, a.ends_at + BY_MS)
if ends_at <= a.ends_at then
  return refuse('hard_stop_reached', a, now)
end

local by_ms = ends_at - a.ends_at
a.clock, a.ends_at = now, ends_at
change(a, 'extended_by_seller', '"by_ms":' .. digits(by_ms) .. ',"reason":"seller",',
  '"asked_ms":' .. digits(BY_MS) .. ',')
return {'ok', now}
