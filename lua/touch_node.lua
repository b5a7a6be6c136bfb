-- touch_node: any other frame or pong counts as life too; sent at most once a heartbeat interval and node.
--
-- KEYS
--   1 cell    root hash of the cell
--   2 node    record of the node
-- ARGV
--   1 id      node id
--   2 socket  token of the socket that speaks
-- REPLY
--   {1} | {-3} unknown node | {-4} another socket holds it
local cell = KEYS[1]
--@include ground
--@include nodes
local socket = redis.call('HGET', KEYS[2], 'socket')
if not socket then
  return {-3}
elseif socket ~= ARGV[2] then
  return {-4}
end
local node = read_node(ARGV[1])
if node.status ~= 'offline' then
  node.seen = now
  redis.call('HSET', KEYS[2], 'seen_ms', now)
  watch_node(node, now + stale_after(node) + 1)
  refresh_node(node)
end
return {1}
