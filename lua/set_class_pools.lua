-- set_class_pools: note which pools the nodes of a class stand in, unless somebody noted otherwise meanwhile.
--
-- From now on nodes that come join these pools. Those that are there are moved by the worker (`join_pools`);
-- until it is done with them (`class_moved`) the class is marked, so that a worker that dies is followed up.
-- KEYS
--   1 cell      root hash of the cell
-- ARGV
--   1 class     class id
--   2 expected  the pools the worker saw, '' for none
--   3 pools     its pools, space separated, the class among them
-- REPLY
--   {1} | {-10} other pools were noted meanwhile, or the class was forgotten
local cell, KNOWN = KEYS[1], {}
--@include ground
local current = redis.call('HGET', PREFIX .. 'classpools', ARGV[1]) or ''
if current == ARGV[3] then
  return {1}
elseif current ~= ARGV[2] or redis.call('HEXISTS', PREFIX .. 'pools', ARGV[1]) == 0 then
  return {-10}
end
redis.call('HSET', PREFIX .. 'classpools', ARGV[1], ARGV[3])
redis.call('HSET', PREFIX .. 'movingclasses', ARGV[1], ARGV[3])
return {1}
