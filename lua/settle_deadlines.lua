-- settle_deadlines: do a bounded batch of what is due: expiries, silent nodes, lapsed waits.
--
-- Several processes sweep; one at a time does the work.
-- KEYS
--   1 cell      root hash of the cell
--   2 guard     who sweeps now
-- ARGV
--   1 sweeper   the caller
--   2 guard_ms  how long it keeps the others out
--   3 most      entries at most
-- REPLY
--   {1, next due ms or 0} | {0} somebody else sweeps
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include due
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) and redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return {0}
end
-- Since when somebody has swept without a pause: before, nobody's silence says anything of him.
if now - tonumber(redis.call('HGET', cell, 'swept_ms') or 0) >= 2 * limit('presence_ms') then
  redis.call('HSET', cell, 'steady_ms', now)
end
redis.call('HSET', cell, 'swept_ms', now)
settle(tonumber(ARGV[3]))
local first = redis.call('ZRANGE', PREFIX .. 'deadlines', 0, 0, 'WITHSCORES')
return {1, tonumber(first[2] or 0)}
