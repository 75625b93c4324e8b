-- Stands behind numbers.lua in front of every script of a show: reads the state, numbers and announces its events,
-- sets its end.
--
-- Shape of every script: read, check everything, then write. A script that fails half-way is not rolled back, so
-- the first write is always the only one that can still be refused: the XADD in `publish` (a key of the wrong
-- type, an id that is not above the last one, memory or disk full), or the HSET of a new state.
--
-- KEYS 1 state (hash)  2 lots (hash: lot_id -> public JSON)  3 positions (hash: lot_id -> position, for lots that
--      were moved since their JSON was written)  4 events (stream, entry id `<seq>-0`)  5 messages (list of JSON,
--      the newest last)  6 said (sorted set: message_id -> seq)  7 spoke (sorted set: user -> when, ms)
--      8 feed (channel);  a script names its further ones.
-- ARGV 1 show id;  a script names its further ones.
-- The state: seq, clock (ms), change, epoch, show (JSON), open_lots, lots, host (JSON, '' when `show` has the
-- newest), moderators (JSON), readers (JSON, 'null' for everybody), status, slow_mode_ms, seller_id, archived (the
-- last event that is kept elsewhere), chat_rules (JSON, which no script reads).

local SHOW_ID = ARGV[1]
local MAX_EVENTS, MAX_MESSAGES, KEPT_FOR_MS = 10000, 50, 3600000
local TYPES = {'hash', 'hash', 'hash', 'stream', 'list', 'zset', 'zset'}

local FIELDS = {
  'seq', 'clock', 'change', 'status', 'slow_mode_ms', 'seller_id', 'moderators', 'readers', 'archived',
}

-- The show as it is stored; nil when there is none.
local function load()
  for i, kind in ipairs(TYPES) do
    local found = redis.call('TYPE', KEYS[i]).ok
    if found ~= 'none' and found ~= kind then
      corrupt(KEYS[i])
    end
  end
  local v = redis.call('HMGET', KEYS[1], unpack(FIELDS))
  if not v[1] and redis.call('EXISTS', KEYS[1]) == 0 then
    return nil
  end
  for i = 1, #FIELDS do
    if not v[i] then
      corrupt(FIELDS[i])
    end
  end
  return {
    seq = whole(v[1], MAX_TIME, 'seq'),
    -- Time never runs backwards for a show.
    now = math.max(server_now(), whole(v[2], MAX_TIME, 'clock')),
    change = whole(v[3], MAX_TIME, 'change'),
    status = v[4],
    slow_mode_ms = whole(v[5], MAX_TIME, 'slow_mode_ms'),
    seller_id = v[6],
    moderators = v[7],
    readers = v[8],
    archived = whole(v[9], MAX_TIME, 'archived'),
  }
end

local function is_on(status)
  return status == 'live' or status == 'paused'
end

-- The state of a show that is on has no end; any other ends an hour after it was last used.
local function keep(status, now)
  for i = 1, #TYPES do
    if is_on(status) then
      redis.call('PERSIST', KEYS[i])
    else
      redis.call('PEXPIREAT', KEYS[i], now + KEPT_FOR_MS)
    end
  end
end

-- Numbers an event, appends it to the log, and returns its public JSON, to be announced once all is written.
-- `public` and `private` are JSON objects.
local function publish(s, kind, public, private)
  s.seq = s.seq + 1
  local event = '{"seq":' .. digits(s.seq) .. ',"kind":"' .. kind .. '","at":' .. digits(s.now)
    .. ',"show_id":"' .. SHOW_ID .. '"' .. (public == '{}' and '' or ',') .. string.sub(public, 2)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', MAX_EVENTS, digits(s.seq) .. '-0',
    'public', event, 'private', private)
  redis.call('HSET', KEYS[1], 'seq', digits(s.seq), 'clock', digits(s.now))
  return event
end

local function announce(s, event)
  keep(s.status, s.now)
  redis.call('SPUBLISH', KEYS[8], event)
end
