-- end_instance: declare an instance dead that was not heard for long, or let one go; settle what it held.
--
-- Its generation ends at once and for all. Then, a batch a call: its nodes get a grace in which they may come back
-- through another instance, after which their jobs fail over; its sessions are detached, as if their sockets had
-- closed. Its inbox held hints alone, each of which has somebody else who makes up for it. A silence counts only from
-- when somebody sweeps without a pause: when the ledger itself was away, all were silent.
-- KEYS
--   1 cell         root hash of the cell
--   2 instances    instances by when they were heard last
--   3 generations  generation of each
--   4 nodes        nodes that it holds
--   5 sessions     sessions that it holds
--   6 inbox        its inbox
--   7 record       what it says of itself
--   8 metrics      what it counted
-- ARGV
--   1 instance     instance id
--   2 dead_ms      it is dead when it was not heard for so long; 0 when it says itself that it goes
--   3 grace_ms     how long its nodes may take to come back
--   4 most         nodes and sessions to settle, at most, of each
-- REPLY
--   {1, 1 if more is to be settled} | {0} it was heard since
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include nodes
--@include holdings
--@include rooms
local id, most = ARGV[1], tonumber(ARGV[4])
local heard, generation = tonumber(redis.call('ZSCORE', KEYS[2], id)), redis.call('HGET', KEYS[3], id)
if not heard then
  return {1, 0}
end
local steady = tonumber(redis.call('HGET', cell, 'steady_ms') or now)
if ARGV[2] ~= '0' and now - steady < tonumber(ARGV[2]) then
  return {0}
end
-- One of an earlier version has no generation and would not notice: it is forgotten in time, as it was then.
if now - heard < (generation and tonumber(ARGV[2]) or limit('session_ms')) then
  return {0}
end
if generation and generation ~= ENDED then
  redis.call('HSET', KEYS[3], id, ENDED)
  if ARGV[2] ~= '0' then
    count('n_instances_lost')
  end
end

-- Nobody's node: its socket, should it still be there, has to enter it anew.
local function give_up_node(node_id)
  let_node_go(id, node_id)
  local node = read_node(node_id)
  if not node or node.owner ~= id then
    return
  end
  redis.call('HSET', key('node', node_id), 'socket', '', 'owner', '')
  if node.status ~= 'offline' and not node.away_until then
    node.away_until = now + tonumber(ARGV[3])
    redis.call('HSET', key('node', node_id), 'away', node.away_until)
    watch_life(node)
    refresh_node(node)
  end
end

-- Changes of the room are told to nobody on its behalf any more.
local function leave_instance(code, session)
  local member = read_member(code, session)
  if member and member.at == id then
    count_member(code, 'at:' .. id, -1)
    count_member(code, 'at:', 1)
    member.at = ''
    write_member(code, session, member)
  end
end

-- A client that can resume may do so from now on for the time it always has; any other has left.
local function give_up_session(session)
  let_session_go(id, session)
  local record = key('session', session)
  local owner, token, room = unpack(redis.call('HMGET', record, 'owner', 'token', 'room'))
  if owner ~= id then
    return
  end
  redis.call('HSET', record, 'owner', '')
  redis.call('HDEL', record, 'until_ms', 'out_until_ms')
  if (token or '') ~= '' then
    redis.call('PEXPIRE', record, limit('resume_ms'))
    redis.call('PEXPIRE', key('out', session), limit('resume_ms'))
  else
    redis.call('HSET', record, 'closed', '1')
    redis.call('PEXPIRE', record, limit('retention_ms'))
  end
  if room then
    leave_instance(room, session)
  end
end

for _, node in ipairs(redis.call('SRANDMEMBER', KEYS[4], most)) do
  give_up_node(node)
end
for _, session in ipairs(redis.call('ZRANGE', KEYS[5], 0, most - 1)) do
  give_up_session(session)
end
if redis.call('EXISTS', KEYS[4], KEYS[5]) > 0 then
  return {1, 1}
end
redis.call('ZREM', KEYS[2], id)
redis.call('HDEL', KEYS[3], id)
redis.call('DEL', KEYS[6], KEYS[7], KEYS[8])
return {1, 0}
