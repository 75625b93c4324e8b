#!lua flags=allow-oom
-- The hammer: decides sold or unsold, once. Before the end it says how long is left, so that a stale schedule
-- does no harm. Lost time is given back here, in the same step, so that no hammer can fall between an outage and
-- its remedy.
--
-- KEYS 1-3 as in common.lua
-- ARGV 1-3 as in common.lua  4 recorded steps of the clock, ms, '' to correct nothing
--      5 '1' closes before the end too  6, 7 begin and end of the last outage, 0 for none
-- Returns {'closed', status, event, now} | {'not_yet', remaining_ms or -1 while paused, now}
--       | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  sold | unsold | extended_by_seller (reason outage or clock_step)

local FORCE = ARGV[5] == '1'
local BEGAN_AT, ENDED_AT = whole(ARGV[6], MAX_TIME, 'outage'), whole(ARGV[7], MAX_TIME, 'outage')
local STEPPED_MS = tonumber(ARGV[4])

local a = load()
if not a then
  return refuse('auction_not_found')
end

-- Moves every time of the auction by the steps of the clock since it opened or was last corrected, so that what
-- has passed and what is left stay as they were. `by_ms` below 0: the clock was set back, and so is the auction's.
local function correct_clock(by_ms)
  check_clock(STEPPED_MS)
  a.clock, a.stepped_ms = server_now(), STEPPED_MS
  a.opened_at = a.opened_at + by_ms
  a.ends_at = a.ends_at and a.ends_at + by_ms
  a.hard_stop_at = a.hard_stop_at and a.hard_stop_at + by_ms
  a.paused_at = a.paused_at and a.paused_at + by_ms
  a.compensated_until = math.max(0, a.compensated_until + by_ms)
  a.pauses = string.gsub(a.pauses, '%d+', function(at)
    return text(whole(at, MAX_TIME, 'pauses') + by_ms)
  end)
  change(a, 'extended_by_seller', '"by_ms":' .. digits(by_ms) .. ',"reason":"clock_step",', '')
  redis.call('HSET', KEYS[1], 'stepped_ms', text(STEPPED_MS))
end

if STEPPED_MS and (a.status == 'open' or a.status == 'paused') and a.stepped_ms ~= STEPPED_MS then
  correct_clock(STEPPED_MS - a.stepped_ms)
end
local now = now_for(a)
if FINAL[a.status] then
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
  return {'closed', a.status, last[1][2][2], now}
end
if a.status == 'scheduled' then
  return refuse('auction_not_open', a, now)
end
-- How long of the outage the auction was open and not paused; 0 or less: not at all.
local function ran_during_outage()
  local began_at = math.max(BEGAN_AT, a.opened_at, a.compensated_until)
  local ran_ms = ENDED_AT - began_at
  local function take_out(paused_at, resumed_at)
    ran_ms = ran_ms - math.max(0, math.min(resumed_at, ENDED_AT) - math.max(paused_at, began_at))
  end
  local rest = string.gsub(a.pauses, '(%d+):(%d+) ?', function(paused_at, resumed_at)
    take_out(whole(paused_at, MAX_TIME, 'pauses'), whole(resumed_at, MAX_TIME, 'pauses'))
    return ''
  end)
  if rest ~= '' then
    corrupt('pauses')
  end
  if a.paused_at then
    take_out(a.paused_at, ENDED_AT)
  end
  return ran_ms
end

-- Gives the time of the outage back. An open auction gets at least extension_ms, so that its bidders can return.
local function compensate(by_ms)
  if a.ends_at then
    by_ms = math.max(by_ms, a.extension_ms)
  end
  a.clock, a.compensated_until = now, ENDED_AT
  a.ends_at = a.ends_at and a.ends_at + by_ms
  a.remaining_ms = a.remaining_ms and a.remaining_ms + by_ms
  a.hard_stop_at = a.hard_stop_at and a.hard_stop_at + by_ms
  change(a, 'extended_by_seller', '"by_ms":' .. digits(by_ms) .. ',"reason":"outage",',
    '"began_at":' .. digits(BEGAN_AT) .. ',"ended_at":' .. digits(ENDED_AT) .. ',')
end

if not FORCE then
  local lost_ms = (not a.ends_at or a.ends_at > BEGAN_AT) and ran_during_outage() or 0
  if lost_ms > 0 then
    compensate(lost_ms)
  end
  if a.status == 'paused' then
    return {'not_yet', -1, now}
  end
  if lost_ms > 0 or now < a.ends_at then
    return {'not_yet', math.max(0, a.ends_at - now), now}
  end
end

local status = a.leader and reserve_met(a) and 'sold' or 'unsold'
finish(a, status, now)
return {'closed', status, change(a, status, '', ''), now}
