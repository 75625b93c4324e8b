#!lua flags=allow-oom
-- What a seller asks for: pause, resume, close, cancel. Allowed when memory is full, so that a seller can stop.
--
-- KEYS 1-3 as in common.lua  4 the operation, only where it has an id
-- ARGV 1-2 as in common.lua  3 verb  4 why it is paused, seller or host_away
-- Returns {'ok', now} | {'refused', code, seq, left, now}
-- Events  paused | resumed | closed | cancelled

local VERB, REASON = ARGV[3], ARGV[4]
if REASON ~= 'seller' and REASON ~= 'host_away' then
  corrupt('reason')
end

local o = load()
if not o then
  return refuse('offer_not_found')
end
local now = now_for(o)
if is_done(KEYS[4]) then
  return {'ok', now}
end

-- What is left of the sale is kept.
local function pause()
  if o.status ~= 'open' then
    return refuse('offer_not_open', o, now)
  end
  o.sale_remaining_ms = o.sale_ends_at and math.max(0, o.sale_ends_at - now)
  o.status, o.clock, o.sale_ends_at = 'paused', now, nil
  change(o, 'paused', '"reason":"' .. REASON .. '",', '')
end

local function resume()
  if o.status ~= 'paused' then
    return refuse('offer_not_paused', o, now)
  end
  o.sale_ends_at = o.sale_remaining_ms and now + o.sale_remaining_ms
  o.status, o.clock, o.sale_remaining_ms = 'open', now, nil
  change(o, 'resumed', '', '')
end

local function finish(status)
  if o.status == status then
    return
  end
  if FINAL[o.status] then
    return refuse('offer_not_open', o, now)
  end
  o.status, o.clock = status, now
  change(o, status, '', '')
end

local VERBS = {
  pause = pause, resume = resume,
  close = function() return finish('closed') end,
  cancel = function() return finish('cancelled') end,
}
local refusal = VERBS[VERB]()
if refusal then
  return refusal
end
if KEYS[4] then
  redis.call('SET', KEYS[4], '1', 'PX', OPERATION_KEPT_MS)
end
return {'ok', now}
