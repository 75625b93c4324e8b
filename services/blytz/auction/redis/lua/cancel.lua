-- Calls an auction off before it has ended; nobody wins. Cancelling twice is one cancelling.
--
-- KEYS 1-3, ARGV 1-2 as in common.lua
-- Returns {'ok', now} | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  cancelled

local a = load()
if not a then
  return refuse('auction_not_found')
end
local now = now_for(a)
if a.status == 'cancelled' then
  return {'ok', now}
end
if FINAL[a.status] then
  return refuse('auction_not_open', a, now)
end
if a.ends_at and now >= a.ends_at then
  return refuse('auction_ended', a, now)
end

finish(a, 'cancelled', now)
change(a, 'cancelled', '', '')
return {'ok', now}
