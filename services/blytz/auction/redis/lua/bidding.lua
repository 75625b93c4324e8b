-- What a bid does (protocol, section 2), as rules.py says it: same names, same order. Stands behind common.lua in
-- front of place_bid.lua and open.lua, so that a pre-bid is decided by the same code as a bid.
--
-- KEYS 4 bids (hash: `<bid_id>:<bidder id>` -> the answer)  5 bidders (set of `<standing>:<bidder id>`)
-- A bid is a table: bidder_id, bidder (JSON {id, name}), bid_id, amount, kind. Nothing here writes to Redis. Each
-- function is made anew for every bid, so there are few.

-- The first code that holds for a bid that was not recorded before, or nil.
local function why_refused(a, bid, now)
  local leading = a.leader_id == bid.bidder_id
  if a.status ~= 'open' then
    return 'auction_not_open'
  end
  if now >= a.ends_at then
    return 'auction_ended'
  end
  if bid.bidder_id == a.seller_id then
    return 'bidder_is_seller'
  end
  if redis.call('SISMEMBER', KEYS[5], 'blocked:' .. bid.bidder_id) == 1 then
    return 'bidder_blocked'
  end
  if a.requires.approved and redis.call('SISMEMBER', KEYS[5], 'approved:' .. bid.bidder_id) == 0 then
    return 'bidder_not_approved'
  end
  if a.requires.has_card and redis.call('SISMEMBER', KEYS[5], 'has_card:' .. bid.bidder_id) == 0 then
    return 'card_required'
  end
  if bid.kind == 'buy_now' and (bid.amount ~= a.buy_now_price or a.price >= bid.amount) then
    return 'buy_now_unavailable'
  end
  if leading and bid.kind ~= 'buy_now' and (bid.kind == 'exact' or bid.amount <= a.ceiling) then
    return 'already_leading'
  end
  -- A buy-now price stands on its own: it may lie less than one step above the price.
  if bid.kind ~= 'buy_now' and bid.amount < minimum(a) then
    return 'bid_too_low'
  end
  return nil
end

-- Who leads, at which price and up to which ceiling once this bid counts (rules 1 to 6).
local function apply(a, bid, leading)
  local m, rival = bid.amount, a.ceiling
  if bid.kind == 'buy_now' then
    a.leader, a.leader_id, a.ceiling, a.price = bid.bidder, bid.bidder_id, m, m
    return
  end
  if leading then
    a.ceiling = m
  elseif not a.leader then
    a.price = bid.kind == 'exact' and m or a.start_price
    a.leader, a.leader_id, a.ceiling = bid.bidder, bid.bidder_id, m
  elseif m > rival then
    a.price = bid.kind == 'exact' and m or math.min(m, rival + increment(a, rival))
    a.leader, a.leader_id, a.ceiling = bid.bidder, bid.bidder_id, m
  else
    a.price = math.min(rival, m + increment(a, m))
  end
  if a.reserve_price and a.price < a.reserve_price and a.reserve_price <= a.ceiling then
    a.price = a.reserve_price
  end
end

-- Counts a bid that is not refused: changes the auction, and describes the event (see `describe` in common.lua).
local function count_bid(a, bid, now)
  local leading = a.leader_id == bid.bidder_id
  local kind = leading and bid.kind == 'max' and 'ceiling_raised' or 'bid'
  local price_before, leader_before, ends_before = a.price, a.leader_id, a.ends_at
  apply(a, bid, leading)
  -- Anti-snipe.
  local moved = a.price ~= price_before or a.leader_id ~= leader_before
  if bid.kind ~= 'buy_now' and moved and a.ending == 'extended' and a.ends_at - now < a.extension_window_ms then
    a.ends_at = math.max(a.ends_at, capped(a, now + a.extension_ms))
  end
  a.clock = now
  local public = '"extended":' .. tostring(a.ends_at ~= ends_before) .. ','
  if kind == 'bid' then
    a.bid_count = a.bid_count + 1
    public = '"bidder":' .. bid.bidder .. ',' .. public
  end
  local private = '"bid_id":"' .. bid.bid_id .. '","amount":' .. digits(bid.amount) .. ',"bid_kind":"' .. bid.kind
    .. '","ceiling":' .. digits(a.ceiling) .. ','
  return describe(a, kind, public, private)
end

-- The answer to a bid that was just counted: outcome, seq, price, minimum, leading, ends_at.
local function receipt_of(a, bid)
  local leads = a.leader_id == bid.bidder_id
  return leads and 'accepted' or 'outbid', a.seq, a.price, minimum(a), leads and 1 or 0, a.ends_at
end
