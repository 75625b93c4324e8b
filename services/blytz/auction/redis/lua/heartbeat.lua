#!lua flags=allow-oom
-- Shows that Redis and a hammer are alive, so that afterwards it is known how long they were not.
-- Stands alone: common.lua is not put in front of it.
--
-- A silence since the last heartbeat was an outage when this is another run of Redis, or when a hammer ran through
-- it and got no answer. When only the hammers were away, bids could be decided, and no time was lost. A silence is
-- it and got no answer. When only the hammers were away, bids could be decided and no time was lost. A silence is
-- a Redis that stood still first answers what was asked when it stopped, and a hammer may be new.
--
-- An outage that begins right after another is reported together with it: there was hardly time to give the first
-- one back, and an auction that got it back gets only the rest.
--
-- KEYS 1 heartbeat (hash)
-- ARGV 1 run id of this Redis  2 how long the caller got no answer, ms  3 a longer silence counts, ms
--      4 time to give an outage back, ms
-- Returns {now, began_at, ended_at} of the last outage, 0 and 0 when there was none

local RUN_ID, UNANSWERED_MS = ARGV[1], tonumber(ARGV[2])
local LEAST_MS, COMPENSATION_MS = tonumber(ARGV[3]), tonumber(ARGV[4])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local last = redis.call('HMGET', KEYS[1], 'at', 'run_id', 'began_at', 'ended_at', 'silent_from', 'silent_until')
local at, run_id = tonumber(last[1] or now), last[2] or RUN_ID
local began_at, ended_at = tonumber(last[3] or 0), tonumber(last[4] or 0)
local silent_from, silent_until = tonumber(last[5] or 0), tonumber(last[6] or 0)

if now - at > LEAST_MS then
  silent_from, silent_until = at, now
end
local from, to
if run_id ~= RUN_ID then
  from, to = at, now
elseif silent_until - math.max(silent_from, now - UNANSWERED_MS) > LEAST_MS then
  from, to, silent_from, silent_until = silent_from, silent_until, 0, 0
end
if to then
  began_at, ended_at = from - ended_at > COMPENSATION_MS and from or began_at, to
end
redis.call('HSET', KEYS[1], 'at', string.format('%d', math.max(now, at)), 'run_id', RUN_ID,
  'began_at', string.format('%d', began_at), 'ended_at', string.format('%d', ended_at),
  'silent_from', string.format('%d', silent_from), 'silent_until', string.format('%d', silent_until))
return {now, began_at, ended_at}
