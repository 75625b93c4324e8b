-- Creates an auction, or opens a scheduled one whose time has come; both safe to repeat. Pre-bids are decided in
-- the same step, in their order, each by the code that decides a bid.
--
-- KEYS 1-3 as in common.lua  4, 5 as in bidding.lua
--      6 the operation, only to create for a request with an Idempotency-Key
-- ARGV 1-3 as in common.lua  4 recorded steps of the clock, ms; to create:  5 number of pre-bids
--      6.. for each: bidder id, bidder as JSON {id, name}, bid_id, amount; then field, value, ... of the new state
-- Returns {'ok', now} | {'not_yet', remaining_ms, now} | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  opened, and bid | ceiling_raised for each pre-bid that counts

local STEPPED_MS, PRE_BIDS = tonumber(ARGV[4]), ARGV[5] and whole(ARGV[5], MAX_PRE_BIDS, 'pre_bids') or 0
local FIRST_OF_STATE = 6 + PRE_BIDS * 4

-- The new auction, checked.
local function new_auction()
  if redis.call('EXISTS', KEYS[2], KEYS[4]) > 0 then
    corrupt('events without an auction')
  end
  local given, v = {}, {}
  for i = FIRST_OF_STATE, #ARGV, 2 do
    given[ARGV[i]] = ARGV[i + 1]
  end
  for i = 1, #FIELDS do
    v[i] = given[FIELDS[i]]
  end
  return parse_state(v)
end

-- Decides the pre-bids. Returns their events in order, and the answers as key, value, ...; writes nothing.
local function decide_pre_bids(a, now)
  local events, answers, seen = {}, {}, {}
  for i = 6, FIRST_OF_STATE - 4, 4 do
    local bid = {
      bidder_id = ARGV[i], bidder = ARGV[i + 1], bid_id = ARGV[i + 2],
      amount = whole(ARGV[i + 3], MAX_MONEY, 'amount'), kind = 'max',
    }
    local key = bid.bid_id .. ':' .. bid.bidder_id
    if not seen[key] and not why_refused(a, bid, now) then
      seen[key] = true
      events[#events + 1] = {count_bid(a, bid, now)}
      answers[#answers + 1] = key
      answers[#answers + 1] = string.format(RECEIPT, bid.amount, bid.kind, receipt_of(a, bid))
    end
  end
  return events, answers
end

local a = load()
if not a or a.status == 'scheduled' then
  check_clock(STEPPED_MS)
end
local is_new = not a and #ARGV > 4
if is_new then
  a = new_auction()
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

local is_early = a.starts_at and now < a.starts_at
local opened, events, answers
if not is_early then
  a.stepped_ms = STEPPED_MS
  a.status, a.clock, a.opened_at, a.ends_at = 'open', now, now, now + a.duration_ms
  a.hard_stop_at = a.max_total_ms and now + a.max_total_ms
  opened = {describe(a, 'opened', '', '"stepped_ms":' .. digits(STEPPED_MS) .. ',')}
  events, answers = decide_pre_bids(a, now)
end

-- For a new auction this is the first write. What follows cannot be refused any more: there are no events yet.
if is_new then
  redis.call('HSET', KEYS[1], unpack(ARGV, FIRST_OF_STATE))
end
if is_early then
  mark_done(a, KEYS[6])
  return {'not_yet', a.starts_at - now, now}
end
append(unpack(opened))
for i = 1, #events do
  append(unpack(events[i]))
end
for i = 1, #answers, 2 do
  redis.call('HSET', KEYS[4], answers[i], answers[i + 1])
end
save(a)
redis.call('HSET', KEYS[1], 'stepped_ms', text(STEPPED_MS))
mark_done(a, KEYS[6])
announce(opened[2])
for i = 1, #events do
  announce(events[i][2])
end
return {'ok', now}
