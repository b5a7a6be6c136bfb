-- pin_node: give a node a pool of its own, for sessions that are to wait for it.
--
-- It lasts while the node can do what it can now: a node that changes has to be pinned anew.
-- KEYS
--   1 cell  root hash of the cell
--   2 node  record of the node
-- ARGV
--   1 id    node id
-- REPLY
--   {1, class} | {-3} unknown node
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include nodes
--@include serve
--@include classes
local class = redis.call('HGET', KEYS[2], 'class')
if not class then
  return {-3}
end
redis.call('HSET', KEYS[2], 'pinned', class)
local node, pools = read_node(ARGV[1]), pools_of_node(ARGV[1], class)
if pools and node.status ~= 'offline' and node.pools ~= pools then
  move_to_pools(node, pools)
end
serve_and_tell(node)
return {1, class}
