#!lua flags=allow-oom
-- Shows that Redis and a hammer are alive, so that afterwards it is known how long they were not.
-- Stands alone: common.lua is not put in front of it.
--
-- A silence since the last heartbeat was an outage when this is another run of Redis, or when a hammer ran through
-- it and got no answer. When only the hammers were away, bids could be decided and no time was lost. A silence is
-- kept until a hammer explains it: a Redis that stood still first answers what was asked when it stopped, and the
-- first hammer to send a heartbeat may be new.
--
-- An outage that begins right after another is reported together with it: there was hardly time to give the first
-- one back, and an auction that got it back gets only the rest.
--
-- A step of the clock of Redis moves every stored time, so that what has passed since stays the same. A hammer
-- that measured one claims it. The claim counts only when it explains the time since the last heartbeat: a second
-- hammer that claims the same step changes nothing. A clock before the last heartbeat has stepped in any case.
--
-- KEYS 1 heartbeat (hash)
-- ARGV 1 run id of this Redis  2 how long the caller got no answer, ms  3 a longer silence counts, ms
--      4 time to give an outage back, ms  5 the step that the caller claims, ms, 0 for none
--      6 the time that the caller expects, recorded steps taken out, ms; '' when it does not know
-- Returns {now, began_at, ended_at} of the last outage, 0 and 0 when there was none

local RUN_ID, UNANSWERED_MS = ARGV[1], tonumber(ARGV[2])
local LEAST_MS, COMPENSATION_MS = tonumber(ARGV[3]), tonumber(ARGV[4])
local CLAIMED_MS, EXPECTED_AT = tonumber(ARGV[5]), tonumber(ARGV[6])
local LEAST_STEP_MS = 1000
local IMPRECISION_MS = 250

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local last = redis.call('HMGET', KEYS[1], 'at', 'run_id', 'began_at', 'ended_at', 'silent_from', 'silent_until',
  'stepped_ms')
local at, run_id = tonumber(last[1] or now), last[2] or RUN_ID
local began_at, ended_at = tonumber(last[3] or 0), tonumber(last[4] or 0)
local silent_from, silent_until = tonumber(last[5] or 0), tonumber(last[6] or 0)
local stepped_ms = tonumber(last[7] or 0)

-- It was sent before the clock stepped or Redis stood still: it says nothing about now.
if CLAIMED_MS == 0 and EXPECTED_AT and math.abs(now - stepped_ms - EXPECTED_AT) > LEAST_STEP_MS then
  return {now, began_at, ended_at}
end

local unexplained_ms = now - at - CLAIMED_MS
local step_ms = 0
if CLAIMED_MS ~= 0 and unexplained_ms > -IMPRECISION_MS and unexplained_ms <= UNANSWERED_MS + LEAST_MS then
  step_ms = CLAIMED_MS
elseif now < at - LEAST_STEP_MS then
  step_ms = now - at
end
if step_ms ~= 0 then
  stepped_ms, at = stepped_ms + step_ms, at + step_ms
  began_at = ended_at > 0 and began_at + step_ms or 0
  ended_at = ended_at > 0 and ended_at + step_ms or 0
  silent_from = silent_until > 0 and silent_from + step_ms or 0
  silent_until = silent_until > 0 and silent_until + step_ms or 0
end

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
  'silent_from', string.format('%d', silent_from), 'silent_until', string.format('%d', silent_until),
  'stepped_ms', string.format('%d', stepped_ms))
return {now, began_at, ended_at}
