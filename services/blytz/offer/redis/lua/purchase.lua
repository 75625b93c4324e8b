-- Decides one purchase, records the answer to its buyer, announces the event.
--
-- KEYS 1-3 as in common.lua  4 purchases (hash: `<purchase_id>:<buyer id>` -> the answer)
--      5 bought (hash: buyer id -> units)  6 bidders (set of `<standing>:<buyer id>`)
-- ARGV 1-2 as in common.lua  3 buyer id  4 buyer as JSON {id, name}  5 purchase_id  6 quantity
-- Returns {'recorded', seq, quantity, unit_price, sale, left, replayed, now} | {'refused', code, seq, left, now}
-- Events  purchase, and sold_out behind the one that takes the last unit

local BUYER_ID, BUYER, PURCHASE_ID = ARGV[3], ARGV[4], ARGV[5]
local PURCHASE_KEY = PURCHASE_ID .. ':' .. BUYER_ID

local o = load()
if not o then
  return refuse('offer_not_found')
end
local quantity = whole(ARGV[6], MAX_QUANTITY, 'quantity')
if quantity == 0 then
  corrupt('quantity')
end
local now = now_for(o)

local seen = redis.call('HGET', KEYS[4], PURCHASE_KEY)
if seen then
  local asked, unit_price, sale, seq, left = string.match(seen, '^(%d+) (%d+) ([01]) (%d+) (%d+)$')
  if not asked then
    corrupt('purchase ' .. PURCHASE_ID)
  end
  if asked ~= ARGV[6] then
    return refuse('purchase_id_reused', o, now)
  end
  return {'recorded', tonumber(seq), tonumber(asked), tonumber(unit_price), tonumber(sale), tonumber(left), 1, now}
end

local function has(standing)
  return redis.call('SISMEMBER', KEYS[6], standing .. ':' .. BUYER_ID) == 1
end

local bought = whole(redis.call('HGET', KEYS[5], BUYER_ID) or '0', MAX_QUANTITY, 'bought')
if o.status ~= 'open' and o.status ~= 'sold_out' then
  return refuse('offer_not_open', o, now)
end
if BUYER_ID == o.seller_id then
  return refuse('buyer_is_seller', o, now)
end
if has('blocked') then
  return refuse('bidder_blocked', o, now)
end
if o.requires.approved and not has('approved') then
  return refuse('bidder_not_approved', o, now)
end
if o.requires.has_card and not has('has_card') then
  return refuse('card_required', o, now)
end
if quantity > o.left then
  return refuse('sold_out', o, now)
end
if o.per_buyer and bought + quantity > o.per_buyer then
  return refuse('per_buyer_reached', o, now)
end

local is_sale = o.sale_ends_at ~= nil and now < o.sale_ends_at
local unit_price = is_sale and o.sale_price or o.price
o.clock, o.left = now, o.left - quantity
local event = publish(o, 'purchase', '"buyer":' .. BUYER .. ',"quantity":' .. digits(quantity) .. ',"unit_price":'
  .. digits(unit_price) .. ',"sale":' .. tostring(is_sale) .. ',', '"purchase_id":"' .. PURCHASE_ID .. '",')
local seq, sale = o.seq, is_sale and 1 or 0
redis.call('HSET', KEYS[4], PURCHASE_KEY,
  string.format('%d %d %d %d %d', quantity, unit_price, sale, seq, o.left))
redis.call('HSET', KEYS[5], BUYER_ID, text(bought + quantity))
local sold_out
if o.left == 0 then
  o.status = 'sold_out'
  sold_out = publish(o, 'sold_out', '', '')
end
save(o)
announce(event)
if sold_out then
  announce(sold_out)
end
return {'recorded', seq, quantity, unit_price, sale, o.left, 0, now}
