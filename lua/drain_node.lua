-- drain_node: take a node out of new work (or back into it) by its own word or an operator's.
--
-- Its own word ends when it registers again; an operator's lasts until an operator ends it.
-- KEYS
--   1 cell    root hash of the cell
--   2 node    record of the node
-- ARGV
--   1 id      node id
--   2 drain   'node' or 'operator' to drain, '' to end it
--   3 reason  words for operators
-- REPLY
--   {1, status, status_seq} | {-3} unknown node
local cell = KEYS[1]
--@include ground
--@include nodes
--@include jobs
--@include assign
--@include choose
--@include waiting
--@include serve
local node = read_node(ARGV[1])
if not node then
  return {-3}
end
redis.call('HSET', KEYS[2], 'drain', ARGV[2])
if node.status ~= 'offline' and ARGV[2] ~= '' then
  set_status(node, 'draining', ARGV[3])
elseif node.status == 'draining' then
  set_status(node, 'registering', ARGV[3])
end
serve_and_tell(node)
return {1, node.status, tonumber(redis.call('HGET', KEYS[2], 'status_seq'))}
