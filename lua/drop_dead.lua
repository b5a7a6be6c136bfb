-- drop_dead: an operator is done with a dead letter.
--
-- KEYS
--   1 cell   root hash of the cell
--   2 index  dead letters by time
--   3 entry  the dead letter
-- ARGV
--   1 job    job id
-- REPLY
--   {1}
local cell, KNOWN = KEYS[1], {}
--@include ground
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return {1}
