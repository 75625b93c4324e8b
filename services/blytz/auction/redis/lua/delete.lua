#!lua flags=allow-oom
-- Deletes everything that is stored of a closed auction, or what is left of one that was never created whole.
-- Stands alone: common.lua is not put in front of it.
--
-- KEYS 1 state (hash)  2.. all other keys of the auction
-- Returns 1, or 0 when the auction is not closed

local status = redis.call('HGET', KEYS[1], 'status')
if status and status ~= 'sold' and status ~= 'unsold' and status ~= 'cancelled' then
  return 0
end
-- UNLINK frees a long event log in the background.
redis.call('UNLINK', unpack(KEYS))
return 1
