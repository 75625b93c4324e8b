-- Stands behind base.lua, which auctions have too, in front of every verb of an offer: reads it, numbers and
-- announces its changes, writes it back. The habits are those of an auction's common.lua: read, check everything,
-- then write; the first write is the XADD in `append`.
--
-- KEYS 1-3 as in base.lua;  a verb names its further ones.
-- ARGV 1-2 as in base.lua
-- Every reply ends with `now`.

local MAX_QUANTITY = 100000

local FIELDS = {
  'status', 'seq', 'clock', 'left', 'opened_at', 'sale_ends_at', 'sale_remaining_ms', 'seller_id', 'price',
  'quantity', 'per_buyer', 'sale_price', 'sale_for_ms', 'requirements',
}
local FINAL = {sold_out = true, closed = true, cancelled = true}
local KNOWN = {open = true, paused = true, sold_out = true, closed = true, cancelled = true}

-- The offer as a table of numbers and strings, absent values nil, from the values of FIELDS.
local function parse_state(v)
  for i = 1, #FIELDS do
    if not v[i] then
      corrupt(FIELDS[i])
    end
  end
  local o = {
    status = KNOWN[v[1]] and v[1] or corrupt('status'),
    seq = whole(v[2], MAX_TIME, 'seq'),
    clock = whole(v[3], MAX_TIME, 'clock'),
    left = whole(v[4], MAX_QUANTITY, 'left'),
    opened_at = whole(v[5], MAX_TIME, 'opened_at'),
    sale_ends_at = maybe(v[6], MAX_TIME, 'sale_ends_at'),
    sale_remaining_ms = maybe(v[7], MAX_TIME, 'sale_remaining_ms'),
    seller_id = v[8],
    price = whole(v[9], MAX_MONEY, 'price'),
    quantity = whole(v[10], MAX_QUANTITY, 'quantity'),
    per_buyer = maybe(v[11], MAX_QUANTITY, 'per_buyer'),
    sale_price = maybe(v[12], MAX_MONEY, 'sale_price'),
    sale_for_ms = maybe(v[13], MAX_DURATION, 'sale_for_ms'),
    requires = parse_requirements(v[14]),
  }
  if o.left > o.quantity or (o.sale_price == nil) ~= (o.sale_for_ms == nil) then
    corrupt('left or sale')
  end
  return o
end

-- The offer as it is stored; nil when there is none.
local function load()
  local v = stored(FIELDS)
  return v and parse_state(v)
end

-- Time never runs backwards for an offer.
local function now_for(o)
  return math.max(server_now(), o.clock)
end

-- Numbers the change, appends it to the log and returns its public JSON, to be announced once all is written.
-- `public` and `private` are JSON members, each followed by a comma, or ''.
local function publish(o, kind, public, private)
  o.seq = o.seq + 1
  local event = '{"seq":' .. digits(o.seq) .. ',"kind":"' .. kind .. '","at":' .. digits(o.clock)
    .. ',"offer_id":"' .. ID .. '",' .. public
    .. '"status":"' .. o.status
    .. '","left":' .. digits(o.left)
    .. ',"opened_at":' .. digits(o.opened_at)
    .. ',"sale_ends_at":' .. digits(o.sale_ends_at)
    .. ',"sale_remaining_ms":' .. digits(o.sale_remaining_ms) .. '}'
  return append(digits(o.seq) .. '-0', event, '{' .. private .. string.sub(CAUSE, 2))
end

-- Writes the changing part to the state.
local function save(o)
  redis.call('HSET', KEYS[1], 'status', o.status, 'seq', text(o.seq), 'clock', text(o.clock), 'left', text(o.left),
    'opened_at', text(o.opened_at), 'sale_ends_at', text(o.sale_ends_at),
    'sale_remaining_ms', text(o.sale_remaining_ms))
end

-- One change whole: numbered, written, announced.
local function change(o, kind, public, private)
  local event = publish(o, kind, public, private)
  save(o)
  announce(event)
end

local function refuse(code, o, now)
  if not o then
    return {'refused', code, 0, 0, server_now()}
  end
  return {'refused', code, o.seq, o.left, now}
end
