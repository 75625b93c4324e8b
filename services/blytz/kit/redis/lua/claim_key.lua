#!lua flags=allow-oom
-- Ties an Idempotency-Key to the first request that came with it. Allowed while memory is full, because a seller
-- must be able to pause an auction then. Stands alone: common.lua is not put in front of it.
--
-- KEYS 1 record (string)
-- ARGV 1 the value of this request  2 how long it is kept, s
-- Returns the value of the first request

return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET', 'EX', ARGV[2]) or ARGV[1]
