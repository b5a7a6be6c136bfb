-- set_node_pools: put a node into the pools a worker computed, unless its capabilities changed meanwhile.
--
-- KEYS
--   1 cell        root hash of the cell
--   2 node        record of the node
-- ARGV
--   1 id          node id
--   2 class       class id the computation was made for
--   3 class_json  canonical class; becomes a pool if it is none yet
--   4.. pools     all pools of the node, its class among them; none: those noted for its class
-- REPLY
--   {1, pools_version} | {-3} unknown node | {-10} its class changed: an older computation
local cell = KEYS[1]
--@include ground
--@include nodes
--@include classes
--@include jobs
--@include assign
--@include choose
--@include waiting
--@include serve
local current = redis.call('HGET', KEYS[2], 'class')
if not current then
  return {-3}
elseif current ~= ARGV[2] then
  return {-10}
end
if redis.call('HSETNX', PREFIX .. 'pools', ARGV[2], ARGV[3]) == 1 then
  redis.call('HINCRBY', cell, 'pools_version', 1)
end
local node = read_node(ARGV[1])
local pools = ARGV[4] and table.concat(ARGV, ' ', 4) or pools_of_node(ARGV[1], ARGV[2])
if node.status ~= 'offline' and node.pools ~= pools then
  move_to_pools(node, pools)
end
redis.call('HSET', KEYS[2], 'dirty', '0')
serve_and_tell(node)
return {1, tonumber(redis.call('HGET', cell, 'pools_version'))}
