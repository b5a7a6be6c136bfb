-- heartbeat: one round trip for a node's sign of life: usage, health, capabilities when they changed.
--
-- What the node reports as running never overwrites leases: what it reports beyond them is held back from
-- its free slots until the next heartbeat.
-- KEYS
--   1 cell        root hash of the cell
--   2 node        record of the node
-- ARGV
--   1 id          node id
--   2 socket      token of the socket that speaks
--   3 running     jobs the node says it runs
--   4 healthy     '1' when its services are in order
--   5 overloaded  '1' when a resource is above its threshold
--   6 usage       JSON shown to operators
--   7 class       capability class id of this heartbeat
--   8 class_json  canonical class when it changed since the last message, else ''
--   9 semantic    languages of semantic repair, space separated
--   10 draining   '1' when the node wants no new work
--   11 token      unique per message, so that a repeated call counts once
--   12 listed     '1' when the node lists the attempts it runs
--   13.. attempts job|attempt of each
-- REPLY
--   {1, status, status_seq, reason, dirty, free slots, "place "* of attempts to abort}
--   {-3} unknown node, or nobody's since its instance was declared dead | {-4} another socket holds it
local cell = KEYS[1]
local KNOWN = {
  'health_beats', 'unhealthy_beats', 'unhealthy_window', 'unhealthy_in_window', 'silence_ms', 'breaker_failures',
  'waiting',
}
--@include ground
--@include nodes
--@include serve

local id = ARGV[1]
local owned = redis.call('HMGET', KEYS[2], 'socket', 'class', 'beats', 'beat', 'refused', 'drain_reason', 'beat_ms')
if not owned[1] or owned[1] == '' then
  return {-3}
elseif owned[1] ~= ARGV[2] then
  return {-4}
end

local node = read_node(id)
local function reply()
  local state = redis.call('HMGET', KEYS[2], 'status', 'status_seq', 'status_reason', 'dirty', 'aborts')
  return {1, state[1], tonumber(state[2]), state[3], state[4], free_slots(node), state[5]}
end
if owned[4] == ARGV[11] then
  return reply()
end
local back = node.status == 'offline'

-- A changed node leaves its pools now, before it is given anything, not when a worker comes by; each change is
-- marked anew.
local class = owned[2]
local function change_class()
  class = ARGV[7]
  redis.call('HSET', KEYS[2], 'class', class, 'class_json', ARGV[8], 'dirty', '0')
  move_to_pools(node, '')
end
if ARGV[8] ~= '' and ARGV[7] ~= class then
  change_class()
end

-- Gives the places of attempts to abort, and the jobs of those that it lost. What was sent to it within two of its
-- intervals may have crossed its list.
local function take_attempts()
  --@include reconcile
  local listed = listed_from(ARGV, 13)
  return take_list(id, listed, true), lost_of(id, listed, 2 * owned[7])
end
local aborts, lost = '', {}
if ARGV[12] == '1' and (ARGV[13] or node.used > 0) then
  aborts, lost = take_attempts()
end

node.away_until, node.mute_until = nil, nil
node.overloaded = ARGV[5] == '1'
node.semantic = ARGV[9]
node.held = math.max(0, tonumber(ARGV[3]) - (node.used - #lost))
local WINDOW = limit('unhealthy_window')
local beats = string.sub(owned[3] .. (ARGV[4] == '1' and '+' or '-'), -math.max(WINDOW, limit('health_beats')))
redis.call('HSET', KEYS[2], 'beat', ARGV[11], 'aborts', aborts, 'away', '', 'mute_ms', '', 'overloaded', ARGV[5],
  'held', node.held, 'running', ARGV[3], 'usage', ARGV[6], 'semantic', ARGV[9], 'beats', beats)
redis.call('PERSIST', KEYS[2])
note_seen(node)

-- It does not stand in the pool of its class: joins it, or has a worker make it.
local function join_class()
  --@include classes
  --@include outbox
  local pools = pools_of_node(id, class)
  if pools then
    move_to_pools(node, pools)
  elseif owned[5] ~= class then
    note_dirty(id, KEYS[2])
  end
end
if not string.find(' ' .. node.pools .. ' ', ' ' .. class .. ' ', 1, true) then
  join_class()
end
local refused = node.pools == '' and owned[5] == class

-- registering -> ready -> degraded -> ready; draining as the node or an operator wishes.
local healthy, unhealthy = #string.match(beats, '%+*$'), #string.match(beats, '%-*$')
local _, unhealthy_lately = string.gsub(string.sub(beats, -WINDOW), '%-', '')
local function come_back()
  --@include holdings
  hold_node(node.owner, id)
  set_status(node, 'registering', 'back after silence: it gets work once its heartbeats are healthy', true)
end
if back then
  come_back()
end
if ARGV[10] == '1' or node.drain ~= '' then
  set_status(node, 'draining', node.drain == '' and 'the node asked for it' or owned[6], true)
elseif refused then
  set_status(node, 'degraded', 'no pool takes it: see the reason it was told', true)
elseif healthy >= limit('health_beats') then
  set_status(node, 'ready', 'healthy', true)
elseif node.status ~= 'registering' and
    (unhealthy >= limit('unhealthy_beats') or unhealthy > 0 and unhealthy_lately >= limit('unhealthy_in_window')) then
  set_status(node, 'degraded', 'no service is ready: see the logs of its models', true)
end

-- Only now that all is noted that speaks against it: the slots of what it lost are handed on at once.
local function send_lost_elsewhere()
  --@include reconcile
  refresh_node(node)
  retry_lost(id, lost, 'The node does not know this utterance.')
end
if lost[1] then
  send_lost_elsewhere()
  node = read_node(id)
end
watch_life(node)
serve_and_tell(node)
return reply()
