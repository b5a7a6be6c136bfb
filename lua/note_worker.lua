-- note_worker: a background worker says, every other second, that it lives and has its broker; a beat,
-- every second, that it lives.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 workers  sorted set of workers by when they were heard last (ms)
-- ARGV
--   1 name     queue@host-pid, or beat@host-pid
--   2 kept_ms  a worker not heard for this long is forgotten
-- REPLY
--   {1}
local cell, KNOWN = KEYS[1], {}
--@include ground
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {1}
