-- touch_node: any other frame or pong counts as life too; sent at most once a heartbeat interval and node.
--
-- KEYS
--   1 cell    root hash of the cell
--   2 node    record of the node
-- ARGV
--   1 id      node id
--   2 socket  token of the socket that speaks
-- REPLY
--   {1} | {-3} unknown node, or nobody's since its instance was declared dead | {-4} another socket holds it
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include nodes
--@include serve
local socket = redis.call('HGET', KEYS[2], 'socket')
if not socket or socket == '' then
  return {-3}
elseif socket ~= ARGV[2] then
  return {-4}
end
local node = read_node(ARGV[1])
-- A pong read late does not bring back a node whose socket has closed.
if node.status ~= 'offline' and not node.away_until then
  note_life(node)
  serve_and_tell(node)
end
return {1}
