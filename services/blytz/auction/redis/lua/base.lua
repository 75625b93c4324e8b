-- Stands behind numbers.lua, which shows have too, in front of the common.lua of auctions and of that of offers:
-- what both need to read, number, write and announce. It has nothing that only one of them uses.
--
-- KEYS 1 state (hash)  2 events (stream, entry id `<seq>-0`)  3 feed (channel)
-- ARGV 1 the id of the auction or offer  2 cause, a JSON object {actor, request_id} for the private part of events

local ID, CAUSE = ARGV[1], ARGV[2]
local MAX_MONEY = 1000000000000
local MAX_DURATION = 2592000000
local OPERATION_KEPT_MS = 86400000

local function maybe(text, most, what)
  if text == '' then
    return nil
  end
  return whole(text, most, what)
end

-- Which standings a bidder or buyer must have, as a set, from 'approved has_card'.
local function parse_requirements(words)
  local requires = {}
  for standing in string.gmatch(words, '[^ ]+') do
    if standing ~= 'approved' and standing ~= 'has_card' then
      corrupt('requirements')
    end
    requires[standing] = true
  end
  return requires
end

-- The values of these fields of the state; nil when there is no state.
local function stored(fields)
  local v = redis.call('HMGET', KEYS[1], unpack(fields))
  if not v[1] and redis.call('EXISTS', KEYS[1]) == 0 then
    return nil
  end
  return v
end

local function text(number)
  return number and string.format('%d', number) or ''
end

-- Appends an event to the log. Returns its public JSON, to be announced once all is written.
local function append(id, public, private)
  redis.call('XADD', KEYS[2], id, 'public', public, 'private', private)
  return public
end

local function announce(event)
  redis.call('SPUBLISH', KEYS[3], event)
end

-- What was asked for under an id of its own is an operation; `key` is nil without one. That it was done is kept
-- under `key` for a day: repeated, it changes nothing again.
local function is_done(key)
  return key and redis.call('EXISTS', key) == 1
end
