#!lua flags=allow-oom
-- The hammer: decides sold or unsold, once. Before the end it says how long is left, so that a stale schedule
-- does no harm. Lost time is given back here, in the same step, so that no hammer can fall between an outage and
-- its remedy.
--
-- KEYS 1-3 as in common.lua
-- ARGV 1-2 as in common.lua  3 '1' closes before the end too  4, 5 begin and end of the last outage, 0 for none
--      6 void when it arrives after this time, '' for never
-- Returns {'closed', status, event, now} | {'not_yet', remaining_ms or -1 while paused, now}
--       | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  sold | unsold | extended_by_seller (reason outage)

local FORCE = ARGV[3] == '1'
local BEGAN_AT, ENDED_AT = whole(ARGV[4], MAX_TIME, 'outage'), whole(ARGV[5], MAX_TIME, 'outage')
local NOT_AFTER = maybe(ARGV[6], MAX_TIME, 'not_after')

local a = load()
if not a then
  return refuse('auction_not_found')
end
local now = now_for(a)
if FINAL[a.status] then
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
  return {'closed', a.status, last[1][2][2], now}
end
if a.status == 'scheduled' then
  return refuse('auction_not_open', a, now)
end
if not FORCE then
  if a.status == 'paused' then
    return {'not_yet', -1, now}
  end
  if NOT_AFTER and now > NOT_AFTER then
    return {'not_yet', 0, now}
  end
  local harmed = a.opened_at < ENDED_AT and a.ends_at > BEGAN_AT
  if harmed and a.restored_until < ENDED_AT then
    local lost = ENDED_AT - math.max(BEGAN_AT, a.opened_at, a.restored_until)
    local by_ms = math.max(lost, a.extension_ms)
    a.clock, a.ends_at, a.restored_until = now, a.ends_at + by_ms, ENDED_AT
    a.hard_stop_at = a.hard_stop_at and a.hard_stop_at + by_ms
    change(a, 'extended_by_seller', '"by_ms":' .. digits(by_ms) .. ',"reason":"outage",',
      '"began_at":' .. digits(BEGAN_AT) .. ',"ended_at":' .. digits(ENDED_AT) .. ',')
    return {'not_yet', math.max(0, a.ends_at - now), now}
  end
  if now < a.ends_at then
    return {'not_yet', a.ends_at - now, now}
  end
end

local status = a.leader and reserve_met(a) and 'sold' or 'unsold'
finish(a, status, now)
return {'closed', status, change(a, status, '', ''), now}
