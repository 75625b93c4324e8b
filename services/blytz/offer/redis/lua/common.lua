-- Stands in front of every verb of an offer: reads it, numbers and announces its changes, writes it back. The
-- habits are those of an auction's common.lua: read, check everything, then write; the first write is the XADD in
-- `publish`.
--
-- KEYS 1 state (hash)  2 events (stream, entry id `<seq>-0`)  3 feed (channel);  a verb names its further ones.
-- ARGV 1 offer id  2 cause, a JSON object {actor, request_id} for the private part of events
-- Every reply ends with `now`.

local OFFER_ID, CAUSE = ARGV[1], ARGV[2]
local MAX_MONEY = 1000000000000
local MAX_TIME = 9007199254740991
local MAX_DURATION = 2592000000
local MAX_QUANTITY = 100000

local function server_now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Ends the script before any write.
local function corrupt(what)
  error({err = 'CORRUPT ' .. OFFER_ID .. ' ' .. what})
end

-- Plain decimal digits only: tonumber alone would also take 0x10, 1e3, nan and '7 '.
local function whole(text, most, what)
  if not text or #text > 16 or not (text == '0' or string.find(text, '^[1-9]%d*$')) then
    corrupt(what)
  end
  local number = tonumber(text)
  if number > most then
    corrupt(what)
  end
  return number
end

local function maybe(text, most, what)
  if text == '' then
    return nil
  end
  return whole(text, most, what)
end

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
    requires = {},
  }
  for standing in string.gmatch(v[14], '[^ ]+') do
    if standing ~= 'approved' and standing ~= 'has_card' then
      corrupt('requirements')
    end
    o.requires[standing] = true
  end
  if o.left > o.quantity or (o.sale_price == nil) ~= (o.sale_for_ms == nil) then
    corrupt('left or sale')
  end
  return o
end

-- The offer as it is stored; nil when there is none.
local function load()
  local v = redis.call('HMGET', KEYS[1], unpack(FIELDS))
  if not v[1] and redis.call('EXISTS', KEYS[1]) == 0 then
    return nil
  end
  return parse_state(v)
end

-- Time never runs backwards for an offer.
local function now_for(o)
  return math.max(server_now(), o.clock)
end

local function digits(number)
  return number and string.format('%d', number) or 'null'
end

local function text(number)
  return number and string.format('%d', number) or ''
end

-- Numbers the change, appends it to the log and returns its public JSON, to be announced once all is written.
-- `public` and `private` are JSON members, each followed by a comma, or ''.
local function publish(o, kind, public, private)
  o.seq = o.seq + 1
  local event = '{"seq":' .. digits(o.seq) .. ',"kind":"' .. kind .. '","at":' .. digits(o.clock)
    .. ',"offer_id":"' .. OFFER_ID .. '",' .. public
    .. '"status":"' .. o.status
    .. '","left":' .. digits(o.left)
    .. ',"opened_at":' .. digits(o.opened_at)
    .. ',"sale_ends_at":' .. digits(o.sale_ends_at)
    .. ',"sale_remaining_ms":' .. digits(o.sale_remaining_ms) .. '}'
  redis.call('XADD', KEYS[2], digits(o.seq) .. '-0',
    'public', event, 'private', '{' .. private .. string.sub(CAUSE, 2))
  return event
end

local function announce(event)
  redis.call('SPUBLISH', KEYS[3], event)
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
