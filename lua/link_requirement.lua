-- link_requirement: note which pools serve a requirement, and hand their free slots to jobs that wait for it.
--
-- Links are only added here: a class never changes what it serves.
-- KEYS
--   1 cell         root hash of the cell
-- ARGV
--   1 requirement  requirement id
--   2 json         canonical requirement
--   3.. pools      pools that serve it
-- REPLY
--   {1, jobs still waiting for it}
local cell = KEYS[1]
--@include ground
--@include nodes
--@include jobs
--@include assign
--@include choose
--@include waiting
--@include link
--@include place
link(ARGV[1], ARGV[2], {unpack(ARGV, 3)})
place_waiting(ARGV[1])
return {1, redis.call('ZCARD', key('waiting', ARGV[1]))}
