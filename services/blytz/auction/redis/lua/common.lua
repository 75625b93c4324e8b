-- Stands behind base.lua in front of every verb: reads the auction, numbers and announces its changes, writes it
-- back.
--
-- Shape of every verb: read, check everything, then write. A script that fails half-way is not rolled back, so
-- the first write is always the XADD in `append`: it is the only write that can still be refused (a key of the
-- wrong type, an id that is not above the last one, memory or disk full), and it is refused before any other.
--
-- KEYS 1-3 as in base.lua;  a verb names its further ones.
-- ARGV 1-2 as in base.lua  3 the time that the caller expects, recorded steps of the clock taken out, ms; '' for
--      no check.
-- Every reply ends with `now`.

local EXPECTED = tonumber(ARGV[3])
local MAX_INCREMENT_ROWS = 64
local MAX_PRE_BIDS = 1000
local MAX_DEVIATION_MS = 1000
-- What is kept of a bid for a repetition: amount, kind, then the answer.
local RECEIPT = '%d %s %s %d %d %d %d %d'

local FIELDS = {
  'status', 'seq', 'clock', 'price', 'leader', 'leader_id', 'ceiling', 'bid_count', 'opened_at', 'ends_at',
  'hard_stop_at', 'paused_at', 'remaining_ms', 'compensated_until', 'starts_at', 'seller_id', 'start_price',
  'reserve_price', 'buy_now_price', 'increments', 'ending', 'duration_ms', 'extension_window_ms',
  'extension_ms', 'max_total_ms', 'pauses', 'stepped_ms', 'requirements',
}
-- An auction without requirements has no such field.
local REQUIREMENTS = #FIELDS
local FINAL = {sold = true, unsold = true, cancelled = true}
local KNOWN = {scheduled = true, open = true, paused = true, sold = true, unsold = true, cancelled = true}

local NONE = {}

-- As it is stored, it is not empty.
local function some_requirements(words)
  local requires = parse_requirements(words)
  if not next(requires) then
    corrupt('requirements')
  end
  return requires
end

-- The auction as a table of numbers and strings, absent values nil, from the values of FIELDS.
local function parse_state(v)
  for i = 1, REQUIREMENTS - 1 do
    if not v[i] then
      corrupt(FIELDS[i])
    end
  end
  local a = {
    status = v[1],
    seq = whole(v[2], MAX_TIME, 'seq'),
    clock = whole(v[3], MAX_TIME, 'clock'),
    price = whole(v[4], MAX_MONEY, 'price'),
    leader = v[5] ~= '' and v[5] or nil,
    leader_id = v[6],
    ceiling = whole(v[7], MAX_MONEY, 'ceiling'),
    bid_count = whole(v[8], MAX_TIME, 'bid_count'),
    opened_at = maybe(v[9], MAX_TIME, 'opened_at'),
    ends_at = maybe(v[10], MAX_TIME, 'ends_at'),
    hard_stop_at = maybe(v[11], MAX_TIME, 'hard_stop_at'),
    paused_at = maybe(v[12], MAX_TIME, 'paused_at'),
    remaining_ms = maybe(v[13], MAX_TIME, 'remaining_ms'),
    compensated_until = whole(v[14], MAX_TIME, 'compensated_until'),
    starts_at = maybe(v[15], MAX_TIME, 'starts_at'),
    seller_id = v[16],
    start_price = whole(v[17], MAX_MONEY, 'start_price'),
    reserve_price = maybe(v[18], MAX_MONEY, 'reserve_price'),
    buy_now_price = maybe(v[19], MAX_MONEY, 'buy_now_price'),
    increments = v[20],
    ending = v[21],
    duration_ms = whole(v[22], MAX_DURATION, 'duration_ms'),
    extension_window_ms = whole(v[23], MAX_DURATION, 'extension_window_ms'),
    extension_ms = whole(v[24], MAX_DURATION, 'extension_ms'),
    max_total_ms = maybe(v[25], MAX_DURATION, 'max_total_ms'),
    pauses = v[26],
    stepped_ms = string.find(v[27], '^-?%d+$') and tonumber(v[27]) or corrupt('stepped_ms'),
    requires = v[REQUIREMENTS] and some_requirements(v[REQUIREMENTS]) or NONE,
  }
  if not KNOWN[a.status] then
    corrupt('status')
  end
  if a.ending ~= 'extended' and a.ending ~= 'sudden_death' then
    corrupt('ending')
  end
  if (a.leader == nil) ~= (a.leader_id == '') then
    corrupt('leader')
  end
  if a.status == 'open' and not (a.opened_at and a.ends_at) then
    corrupt('ends_at')
  end
  if a.status == 'paused' and not (a.opened_at and a.paused_at and a.remaining_ms) then
    corrupt('remaining_ms')
  end
  return a
end

-- The auction as it is stored; nil when there is none.
local function load()
  local v = stored(FIELDS)
  return v and parse_state(v)
end

-- Ends the script, to be repeated, unless it runs when the caller sent it, by a clock that has stepped by
-- `stepped_ms`: Redis stood still meanwhile, or its clock has stepped and the auction is not corrected yet.
local function check_clock(stepped_ms)
  if EXPECTED and math.abs(server_now() - stepped_ms - EXPECTED) > MAX_DEVIATION_MS then
    error({err = 'TRYAGAIN the clock of Redis is not as the caller expects'})
  end
end

-- Between two corrections of the clock, time never runs backwards for an auction.
local function now_for(a)
  if a.status == 'open' or a.status == 'paused' then
    check_clock(a.stepped_ms)
  end
  return math.max(server_now(), a.clock)
end

-- The step of the last row whose from_price <= price; rows are '0:100 3000:200 ...', ascending. Bids ask for
-- prices near each other, so the row of the last answer is kept.
local function increment(a, price)
  if a.step and a.step_from <= price and price < a.step_until then
    return a.step
  end
  local step, rows, step_from, step_until = nil, 0, 0, math.huge
  for row in string.gmatch(a.increments, '[^ ]+') do
    local from, by = string.match(row, '^(%d+):(%d+)$')
    rows = rows + 1
    if not from or rows > MAX_INCREMENT_ROWS or rows == 1 and from ~= '0' then
      corrupt('increments')
    end
    from = tonumber(from)
    if from > price then
      step_until = from
      break
    end
    step, step_from = by, from
  end
  a.step, a.step_from, a.step_until = whole(step, MAX_MONEY, 'increments'), step_from, step_until
  return a.step
end

local function minimum(a)
  if not a.leader then
    return a.start_price
  end
  return a.price + increment(a, a.price)
end

local function reserve_met(a)
  return not a.reserve_price or a.price >= a.reserve_price
end

-- Numbers the change and describes it. Returns its entry id in the log, its public and its private JSON. `public`
-- and `private` are JSON members, each followed by a comma, or ''.
local function describe(a, kind, public, private)
  a.seq = a.seq + 1
  local event = '{"seq":' .. digits(a.seq) .. ',"kind":"' .. kind .. '","at":' .. digits(a.clock)
    .. ',"auction_id":"' .. ID .. '",' .. public
    .. '"status":"' .. a.status
    .. '","price":' .. digits(a.price)
    .. ',"minimum":' .. digits(minimum(a))
    .. ',"leader":' .. (a.leader or 'null')
    .. ',"bid_count":' .. digits(a.bid_count)
    .. ',"reserve_met":' .. tostring(reserve_met(a))
    .. ',"opened_at":' .. digits(a.opened_at)
    .. ',"ends_at":' .. digits(a.ends_at)
    .. ',"remaining_ms":' .. digits(a.remaining_ms) .. '}'
  return digits(a.seq) .. '-0', event, '{' .. private .. string.sub(CAUSE, 2)
end

-- Describes the change, appends it and returns its public JSON, to be announced once all is written.
local function publish(a, kind, public, private)
  return append(describe(a, kind, public, private))
end

-- Writes the changing part to the state, or to the record of an operation.
local function save(a, operation)
  redis.call('HSET', operation or KEYS[1],
    'status', a.status, 'seq', text(a.seq), 'clock', text(a.clock), 'price', text(a.price),
    'leader', a.leader or '', 'leader_id', a.leader_id, 'ceiling', text(a.ceiling),
    'bid_count', text(a.bid_count), 'opened_at', text(a.opened_at), 'ends_at', text(a.ends_at),
    'hard_stop_at', text(a.hard_stop_at), 'paused_at', text(a.paused_at),
    'remaining_ms', text(a.remaining_ms), 'compensated_until', text(a.compensated_until),
    'pauses', a.pauses)
end

-- Keeps the state just after an operation as the answer to its repetitions.
local function mark_done(a, key)
  if key then
    save(a, key)
    redis.call('PEXPIRE', key, OPERATION_KEPT_MS)
  end
end

-- One change whole: numbered, written, announced.
local function change(a, kind, public, private)
  local event = publish(a, kind, public, private)
  save(a)
  announce(event)
  return event
end

-- The one closing event. An auction that ends early has ended when it was ended.
local function finish(a, status, now)
  a.ends_at = a.opened_at and math.min(now, a.ends_at or now)
  a.status, a.clock, a.paused_at, a.remaining_ms = status, now, nil, nil
end

local function capped(a, ends_at)
  return a.hard_stop_at and math.min(ends_at, a.hard_stop_at) or ends_at
end

local function refuse(code, a, now)
  if not a then
    return {'refused', code, 0, 0, 0, '', server_now()}
  end
  return {'refused', code, a.seq, a.price, minimum(a), text(a.ends_at), now}
end
