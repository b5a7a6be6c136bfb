-- node_offline: the socket of a node closed.
--
-- A late close of a socket that no longer holds the node changes nothing. A node that can resume gets a
-- grace in which it receives no new work and keeps its running jobs; the jobs of any other fail over now.
-- KEYS
--   1 cell      root hash of the cell
--   2 node      record of the node
-- ARGV
--   1 id        node id
--   2 socket    token of the socket that closed
--   3 reason    words for operators
--   4 grace_ms  0 when the node cannot resume
-- REPLY
--   {1} | {0} not its socket
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include nodes
--@include retry
if redis.call('HGET', KEYS[2], 'socket') ~= ARGV[2] then
  return {0}
end
local node = read_node(ARGV[1])
local grace = tonumber(ARGV[4])
if node.status ~= 'offline' and grace > 0 then
  if not node.away_until then
    node.away_until = now + grace
    redis.call('HSET', KEYS[2], 'away', node.away_until)
    watch_life(node)
    refresh_node(node)
  end
elseif node.status ~= 'offline' then
  take_offline(node, ARGV[3])
end
return {1}
