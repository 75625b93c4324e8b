-- Decides one bid, records the answer to its bidder, announces the event.
--
-- KEYS 1-3 as in common.lua  4, 5 as in bidding.lua
-- ARGV 1-3 as in common.lua  4 bidder id  5 bidder as JSON {id, name}  6 bid_id  7 amount  8 kind
-- Returns {'recorded', outcome, seq, price, minimum, leading, ends_at, replayed, status, now}
--       | {'refused', code, seq, price, minimum, ends_at, now}
-- Events  bid | ceiling_raised, and sold behind a bid that buys now

local a = load()
if not a then
  return refuse('auction_not_found')
end
local bid = {
  bidder_id = ARGV[4], bidder = ARGV[5], bid_id = ARGV[6],
  amount = whole(ARGV[7], MAX_MONEY, 'amount'), kind = ARGV[8],
}
local now, bid_key = now_for(a), bid.bid_id .. ':' .. bid.bidder_id

local seen = redis.call('HGET', KEYS[4], bid_key)
if seen then
  local amount, kind, outcome, seq, price, least, leads, ends_at =
    string.match(seen, '^(%d+) ([%a_]+) (%a+) (%d+) (%d+) (%d+) ([01]) (%d+)$')
  if not amount then
    corrupt('bid ' .. bid.bid_id)
  end
  if amount ~= ARGV[7] or kind ~= bid.kind then
    return refuse('bid_id_reused', a, now)
  end
  return {'recorded', outcome, tonumber(seq), tonumber(price), tonumber(least), tonumber(leads),
    tonumber(ends_at), 1, a.status, now}
end
local code = why_refused(a, bid, now)
if code then
  return refuse(code, a, now)
end

local event = append(count_bid(a, bid, now))
local outcome, seq, price, least, leads, ends_at = receipt_of(a, bid)
redis.call('HSET', KEYS[4], bid_key,
  string.format(RECEIPT, bid.amount, bid.kind, outcome, seq, price, least, leads, ends_at))
local sold
if bid.kind == 'buy_now' then
  finish(a, 'sold', now)
  sold = publish(a, 'sold', '', '')
end
save(a)
announce(event)
if sold then
  announce(sold)
end
return {'recorded', outcome, seq, price, least, leads, ends_at, 0, a.status, now}
