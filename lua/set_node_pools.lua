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
--   {-14} its credential has made as many classes as it may
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include nodes
--@include serve
--@include classes
local current = redis.call('HGET', KEYS[2], 'class')
if not current then
  return {-3}
elseif current ~= ARGV[2] then
  return {-10}
end
local node = read_node(ARGV[1])
-- Each class costs: pools, links, a place in every snapshot. Nobody may make them without end.
if redis.call('HEXISTS', PREFIX .. 'pools', ARGV[2]) == 0 then
  local maker = 'by:' .. redis.call('HGET', KEYS[2], 'credential')
  if tonumber(redis.call('HGET', PREFIX .. 'classmakers', maker) or 0) >= limit('max_classes') then
    redis.call('HSET', KEYS[2], 'dirty', '0', 'refused', ARGV[2])
    set_status(node, 'degraded', 'too many different sets of capabilities by this credential: make its nodes alike')
    refresh_node(node)
    return {-14}
  end
  redis.call('HSET', PREFIX .. 'pools', ARGV[2], ARGV[3])
  redis.call('HSET', PREFIX .. 'classmakers', ARGV[2], maker)
  redis.call('HINCRBY', PREFIX .. 'classmakers', maker, 1)
  redis.call('HINCRBY', cell, 'pools_version', 1)
end
local pools = ARGV[4] and table.concat(ARGV, ' ', 4) or pools_of_node(ARGV[1], ARGV[2])
if node.status ~= 'offline' and node.pools ~= pools then
  move_to_pools(node, pools)
end
redis.call('HSET', KEYS[2], 'dirty', '0')
serve_and_tell(node)
return {1, tonumber(redis.call('HGET', cell, 'pools_version'))}
