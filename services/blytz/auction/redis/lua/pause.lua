-- Stops the clock of an open auction; the time that remains is kept.
--
-- KEYS 1-3, ARGV 1-2 as in common.lua
-- Returns {'ok', now} | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  paused

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

a.status, a.clock, a.paused_at, a.remaining_ms, a.ends_at = 'paused', now, now, a.ends_at - now, nil
change(a, 'paused', '', '')
return {'ok', now}
