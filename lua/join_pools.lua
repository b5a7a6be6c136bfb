-- join_pools: put a node into the pools of its class as they are noted now; it is served there at once.
--
-- KEYS
--   1 cell   root hash of the cell
--   2 node   record of the node
-- ARGV
--   1 id     node id
--   2 class  class it was met in
-- REPLY
--   {1} | {0} it is gone or has another class by now: whoever changed it sees to its pools
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include nodes
--@include serve
--@include classes
local node = read_node(ARGV[1])
local pools = pools_of_node(ARGV[1], ARGV[2])
if not node or not pools or redis.call('HGET', KEYS[2], 'class') ~= ARGV[2] then
  return {0}
end
if node.status ~= 'offline' and node.pools ~= pools then
  move_to_pools(node, pools)
end
serve_and_tell(node)
return {1}
