-- prune_pool: forget a pool that has had no node for as long as a node is remembered.
--
-- It is a capability class, or a pool that was made for a requirement or for a node that sessions wait for.
-- Requirements that nobody serves any more go with it. A node of the class makes the pool anew.
-- KEYS
--   1 cell             root hash of the cell
-- ARGV
--   1 pool             pool id
--   2.. requirements   requirements that the pool serves
-- REPLY
--   {1} forgotten | {0} has nodes, or had one not long ago
local cell, KNOWN = KEYS[1], {}
--@include ground
local pool, idle = ARGV[1], PREFIX .. 'idlepools'
local made_for = (string.sub(pool, 1, 4) == 'req-' or string.sub(pool, 1, 5) == 'node-') and ARGV[2]
local known = redis.call('HEXISTS', PREFIX .. (made_for and 'requirements' or 'pools'), made_for or pool)
if known == 0 then
  return {1}
elseif made_for and redis.call('EXISTS', key('waiting', made_for)) == 1 then
  return {0}
elseif redis.call('SCARD', key('members', pool)) > 0 then
  redis.call('HDEL', idle, pool)
  return {0}
end
redis.call('HSETNX', idle, pool, now)
if now - redis.call('HGET', idle, pool) < limit('node_memory_ms') then
  return {0}
end
for at = 2, #ARGV do
  redis.call('SREM', key('reqpools', ARGV[at]), pool)
  if redis.call('EXISTS', key('reqpools', ARGV[at]), key('waiting', ARGV[at])) == 0 then
    redis.call('HDEL', PREFIX .. 'requirements', ARGV[at])
    redis.call('HDEL', PREFIX .. 'warm', ARGV[at])
  end
end
redis.call('DEL', key('pool', pool), key('poolwaiting', pool))
redis.call('HDEL', idle, pool)
redis.call('HDEL', PREFIX .. 'classpools', pool)
redis.call('HDEL', PREFIX .. 'movingclasses', pool)
redis.call('HDEL', PREFIX .. 'pools', pool)
local maker = redis.call('HGET', PREFIX .. 'classmakers', pool)
if maker then
  redis.call('HDEL', PREFIX .. 'classmakers', pool)
  if redis.call('HINCRBY', PREFIX .. 'classmakers', maker, -1) == 0 then
    redis.call('HDEL', PREFIX .. 'classmakers', maker)
  end
end
redis.call('HINCRBY', cell, 'pools_version', 1)
return {1}
