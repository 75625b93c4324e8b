#!lua flags=allow-oom
-- What a seller asks for: pause, resume, extend, cancel. Allowed when memory is full: bids are refused then, so a
-- seller must be able to stop the clock.
--
-- KEYS 1-3 as in common.lua  4 the operation, only for a request with an Idempotency-Key
-- ARGV 1-3 as in common.lua  4 verb  5 by_ms, for extend; else 0
--      6 why it is paused, seller or host_away
-- Returns {'ok', now} | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  paused | resumed | extended_by_seller (reason seller) | cancelled

local VERB, BY_MS, REASON = ARGV[4], whole(ARGV[5], MAX_DURATION, 'by_ms'), ARGV[6]
if REASON ~= 'seller' and REASON ~= 'host_away' then
  corrupt('reason')
end

local a = load()
if not a then
  return refuse('auction_not_found')
end
local now = now_for(a)
if is_done(KEYS[4]) then
  return {'ok', now}
end

-- Stops the clock; the time that remains is kept.
local function pause()
  if a.status ~= 'open' then
    return refuse('auction_not_open', a, now)
  end
  if now >= a.ends_at then
    return refuse('auction_ended', a, now)
  end
  a.status, a.clock, a.paused_at, a.remaining_ms, a.ends_at = 'paused', now, now, a.ends_at - now, nil
  change(a, 'paused', '"reason":"' .. REASON .. '",', '')
end

-- Keeps the last four pauses: an outage during a pause took nothing from the auction. A pause that is forgotten
-- must not count as lost time later.
local function keep_pause()
  a.pauses = (a.pauses == '' and '' or a.pauses .. ' ') .. text(a.paused_at) .. ':' .. text(now)
  local forgotten_until, kept = string.match(a.pauses, '^%d+:(%d+) (%d+:%d+ %d+:%d+ %d+:%d+ %d+:%d+)$')
  if kept then
    a.compensated_until = math.max(a.compensated_until, whole(forgotten_until, MAX_TIME, 'pauses'))
    a.pauses = kept
  end
end

-- Starts the clock again with the time that remained; the hard stop moves on by the pause.
local function resume()
  if a.status ~= 'paused' then
    return refuse('auction_not_paused', a, now)
  end
  a.hard_stop_at = a.hard_stop_at and a.hard_stop_at + now - a.paused_at
  keep_pause()
  a.status, a.clock, a.ends_at, a.paused_at, a.remaining_ms = 'open', now, now + a.remaining_ms, nil, nil
  change(a, 'resumed', '', '')
end

-- More time, up to the hard stop.
local function extend()
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
end

-- Ends it without a winner; cancelling twice is one cancelling.
local function cancel()
  if a.status == 'cancelled' then
    return
  end
  if FINAL[a.status] then
    return refuse('auction_not_open', a, now)
  end
  if a.ends_at and now >= a.ends_at then
    return refuse('auction_ended', a, now)
  end
  finish(a, 'cancelled', now)
  change(a, 'cancelled', '', '')
end

local VERBS = {pause = pause, resume = resume, extend = extend, cancel = cancel}
local refusal = VERBS[VERB]()
if refusal then
  return refusal
end
mark_done(a, KEYS[4])
return {'ok', now}
