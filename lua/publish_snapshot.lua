-- publish_snapshot: put a compiled snapshot in force unless a newer one is.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 snapshot  the snapshot in force
-- ARGV
--   1 version   version of the pools it was compiled from
--   2 json      the snapshot
-- REPLY
--   {1} in force | {0} a newer one is
local cell, KNOWN = KEYS[1], {}
--@include ground
local newest = tonumber(redis.call('HGET', cell, 'snapshot_version') or -1)
local same = tonumber(ARGV[1]) == newest and redis.call('GET', KEYS[2]) == ARGV[2]
if tonumber(ARGV[1]) < newest then
  return {0}
end
if not same then
  redis.call('SET', KEYS[2], ARGV[2])
  redis.call('HSET', cell, 'snapshot_version', ARGV[1])
  redis.call('HINCRBY', cell, 'snapshot_seq', 1)
end
return {1}
