-- set_pool_file: put the operator's pool definitions in force, for every process.
--
-- KEYS
--   1 cell   root hash of the cell
-- ARGV
--   1 json   canonical definitions, '' for none
--   2 error  why a newer file is not in force, '' for nothing
-- REPLY
--   {1, pools_version}
local cell, KNOWN = KEYS[1], {}
--@include ground
if (redis.call('GET', PREFIX .. 'poolfile') or '') ~= ARGV[1] then
  redis.call('SET', PREFIX .. 'poolfile', ARGV[1])
  redis.call('HINCRBY', cell, 'pools_version', 1)
end
redis.call('HSET', cell, 'poolfile_error', ARGV[2])
return {1, tonumber(redis.call('HGET', cell, 'pools_version'))}
