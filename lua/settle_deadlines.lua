-- settle_deadlines: do a bounded batch of what is due: expiries, silent nodes, lapsed waits.
--
-- Several processes sweep; one at a time does the work. To ask is also how an instance shows that it lives.
-- KEYS
--   1 cell      root hash of the cell
--   2 guard     who sweeps now
-- ARGV
--   1 sweeper   the caller
--   2 guard_ms  how long it keeps the others out
--   3 most      entries at most
-- REPLY
--   {1, next due ms or 0} | {0} somebody else sweeps
local cell = KEYS[1]
--@include ground
--@include nodes
--@include jobs
--@include assign
--@include choose
--@include fair
--@include waiting
--@include serve
--@include finish
--@include dead
--@include retry
--@include place
--@include settle
redis.call('ZADD', PREFIX .. 'instances', now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', PREFIX .. 'instances', '-inf', now - limit('session_ms'))
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) and redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return {0}
end
settle(tonumber(ARGV[3]))
local first = redis.call('ZRANGE', PREFIX .. 'deadlines', 0, 0, 'WITHSCORES')
return {1, tonumber(first[2] or 0)}
