-- Decides one bid, records the answer to its bidder, announces the event.
--
-- KEYS 1-3 as in common.lua  4 bids (hash: `<bid_id>:<bidder id>` -> the answer)  5 blocked bidders (set)
-- ARGV 1-3 as in common.lua  4 bidder id  5 bidder as JSON {id, name}  6 bid_id  7 amount  8 kind
-- Returns {'recorded', outcome, seq, price, minimum, leading, ends_at, replayed, status, now}
--       | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  bid | ceiling_raised, and sold behind a bid that buys now

local BIDDER_ID, BIDDER, BID_ID, KIND = ARGV[4], ARGV[5], ARGV[6], ARGV[8]
local BID_KEY = BID_ID .. ':' .. BIDDER_ID

local a = load()
if not a then
  return refuse('auction_not_found')
end
local m = whole(ARGV[7], MAX_MONEY, 'amount')
local now = now_for(a)
local leading = a.leader ~= nil and a.leader_id == BIDDER_ID

local seen = redis.call('HGET', KEYS[4], BID_KEY)
if seen then
  local amount, kind, outcome, seq, price, least, leads, ends_at =
    string.match(seen, '^(%d+) ([%a_]+) (%a+) (%d+) (%d+) (%d+) ([01]) (%d+)$')
  if not amount then
    corrupt('bid ' .. BID_ID)
  end
  if amount ~= ARGV[7] or kind ~= KIND then
    return refuse('bid_id_reused', a, now)
  end
  return {'recorded', outcome, tonumber(seq), tonumber(price), tonumber(least), tonumber(leads),
    tonumber(ends_at), 1, a.status, now}
end
if a.status ~= 'open' then
  return refuse('auction_not_open', a, now)
end
if now >= a.ends_at then
  return refuse('auction_ended', a, now)
end
if BIDDER_ID == a.seller_id then
  return refuse('bidder_is_seller', a, now)
end
if redis.call('SISMEMBER', KEYS[5], BIDDER_ID) == 1 then
  return refuse('bidder_blocked', a, now)
end
if KIND == 'buy_now' and (m ~= a.buy_now_price or a.price >= m) then
  return refuse('buy_now_unavailable', a, now)
end
if leading and KIND ~= 'buy_now' and (KIND == 'exact' or m <= a.ceiling) then
  return refuse('already_leading', a, now)
end
-- A buy-now price stands on its own: it may lie less than one step above the price.
if KIND ~= 'buy_now' and m < minimum(a) then
  return refuse('bid_too_low', a, now)
end

-- Who leads, at which price and up to which ceiling once this bid counts (rules 1 to 6).
local price_before, leader_before, ends_before, rival = a.price, a.leader_id, a.ends_at, a.ceiling
local kind = leading and KIND == 'max' and 'ceiling_raised' or 'bid'
if KIND == 'buy_now' then
  a.leader, a.leader_id, a.ceiling, a.price = BIDDER, BIDDER_ID, m, m
elseif leading then
  a.ceiling = m
elseif not a.leader then
  a.price = KIND == 'exact' and m or a.start_price
  a.leader, a.leader_id, a.ceiling = BIDDER, BIDDER_ID, m
elseif m > rival then
  a.price = KIND == 'exact' and m or math.min(m, rival + increment(a, rival))
  a.leader, a.leader_id, a.ceiling = BIDDER, BIDDER_ID, m
else
  a.price = math.min(rival, m + increment(a, m))
end
if KIND ~= 'buy_now' and a.reserve_price and a.price < a.reserve_price and a.reserve_price <= a.ceiling then
  a.price = a.reserve_price
end

-- Anti-snipe.
local moved = a.price ~= price_before or a.leader_id ~= leader_before
if KIND ~= 'buy_now' and moved and a.ending == 'extended' and a.ends_at - now < a.extension_window_ms then
  a.ends_at = math.max(a.ends_at, capped(a, now + a.extension_ms))
end

a.clock = now
local public = '"extended":' .. tostring(a.ends_at ~= ends_before) .. ','
if kind == 'bid' then
  a.bid_count = a.bid_count + 1
  public = '"bidder":' .. BIDDER .. ',' .. public
end
local private = '"bid_id":"' .. BID_ID .. '","amount":' .. digits(m) .. ',"bid_kind":"' .. KIND
  .. '","ceiling":' .. digits(a.ceiling) .. ','
local event = publish(a, kind, public, private)

local leads = a.leader_id == BIDDER_ID
local outcome = leads and 'accepted' or 'outbid'
local seq, least, ends_at = a.seq, minimum(a), a.ends_at
redis.call('HSET', KEYS[4], BID_KEY, string.format('%d %s %s %d %d %d %d %d',
  m, KIND, outcome, seq, a.price, least, leads and 1 or 0, ends_at))
local sold
if KIND == 'buy_now' then
  finish(a, 'sold', now)
  sold = publish(a, 'sold', '', '')
end
save(a)
announce(event)
if sold then
  announce(sold)
end
return {'recorded', outcome, seq, a.price, least, leads and 1 or 0, ends_at, 0, a.status, now}
