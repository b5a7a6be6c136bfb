-- drain_node: take a node out of new work (or back into it) by its own word or an operator's.
--
-- Its own word ends when it registers again; an operator's lasts until an operator ends it. Drained, it ends
-- what it runs; in quarantine its jobs go elsewhere at once.
-- KEYS
--   1 cell    root hash of the cell
--   2 node    record of the node
-- ARGV
--   1 id      node id
--   2 drain   node, operator or quarantine; '' to end it
--   3 reason  words for operators
--   4 socket  token of the socket that speaks, '' for an operator
-- REPLY
--   {1, status, status_seq} | {-3} unknown node, or nobody's that speaks itself | {-4} another socket holds it
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include nodes
--@include serve
--@include retry
local node = read_node(ARGV[1])
if not node then
  return {-3}
end
local function reply()
  return {1, node.status, tonumber(redis.call('HGET', KEYS[2], 'status_seq'))}
end
local socket = redis.call('HGET', KEYS[2], 'socket')
if ARGV[4] ~= '' and socket ~= ARGV[4] then
  return {socket == '' and -3 or -4}
elseif ARGV[2] == 'node' and node.drain ~= '' then
  return reply() -- an operator's wish lasts longer
end
local changed = node.drain ~= ARGV[2]
node.drain = ARGV[2]
redis.call('HSET', KEYS[2], 'drain', ARGV[2], 'drain_reason', ARGV[3])
if node.status == 'offline' then
  forget_in_time(node)
else
  if ARGV[2] == '' and node.status == 'draining' then
    set_status(node, 'registering', ARGV[3])
  elseif node.status == 'draining' and changed and ARGV[2] ~= 'node' then
    tell_status(node, ARGV[3]) -- drained already, but not for this reason
  elseif ARGV[2] ~= '' then
    set_status(node, 'draining', ARGV[3])
  end
  watch_life(node)
end
serve_and_tell(node)
if ARGV[2] == 'quarantine' then
  fail_over(node, false, 'withdrawn')
end
return reply()
