-- link_requirement: note which pools serve a requirement, and hand their free slots to jobs that wait for it.
--
-- The links are replaced in one step: jobs that wait move from the former pools to these with their rank.
-- KEYS
--   1 cell          root hash of the cell
-- ARGV
--   1 requirement   requirement id
--   2 json          canonical requirement
--   3 version       version of the pools the links were computed from, '' for whichever
--   4.. pools       pools that serve it, all of their nodes
-- REPLY
--   {1, jobs still waiting for it} | {-10} computed from other pools than there are now
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include choose
--@include waiting
--@include place
local requirement = ARGV[1]
if ARGV[3] ~= '' and redis.call('HGET', cell, 'pools_version') ~= ARGV[3] then
  return {-10}
end
for _, pool in ipairs(pools_of(requirement)) do
  redis.call('ZREM', key('poolwaiting', pool), requirement)
end
redis.call('DEL', key('reqpools', requirement))
redis.call('HSETNX', PREFIX .. 'requirements', requirement, ARGV[2])
for at = 4, #ARGV do
  redis.call('SADD', key('reqpools', requirement), ARGV[at])
end
note_head(requirement)
place_waiting(requirement)
return {1, redis.call('ZCARD', key('waiting', requirement))}
