-- Starts the clock of a paused auction again, with the time that remained; its hard stop moves on by the pause.
-- An outage that it slept through took nothing from it.
--
-- KEYS 1-3, ARGV 1-2 as in common.lua
-- Returns {'ok', now} | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  resumed

local a = load()
if not a then
  return refuse('auction_not_found')
end
local now = now_for(a)
if a.status ~= 'paused' then
  return refuse('auction_not_paused', a, now)
end

a.hard_stop_at = a.hard_stop_at and a.hard_stop_at + now - a.paused_at
a.status, a.clock, a.ends_at, a.paused_at, a.remaining_ms = 'open', now, now + a.remaining_ms, nil, nil
a.restored_until = now
change(a, 'resumed', '', '')
return {'ok', now}
