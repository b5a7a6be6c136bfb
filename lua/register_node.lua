-- register_node: admit a node, make this socket its only one, and let it join an existing class.
--
-- The same id with the same credential takes over: the former socket is told to close and its late
-- close changes nothing, because it no longer holds the node. A node of a new class joins no pool here;
-- it is recorded as dirty and a worker makes the class.
-- KEYS
--   1 cell         root hash of the cell
--   2 node         record of the node
-- ARGV
--   1 id           node id
--   2 socket       token of the socket, unique per connection
--   3 instance     instance that holds the socket
--   4 credential   fingerprint of the credential, '' in open mode
--   5 max          slots
--   6 beat_ms      heartbeat interval of the node, ms
--   7 class        capability class id
--   8 class_json   canonical capability class
--   9 semantic     languages of semantic repair, space separated
--   10 acks        '1' when the node says it acknowledges jobs
--   11 profile     JSON shown to operators (platform, version, hardware)
--   12 again       '1' for a socket that was here before: it takes the node over from no other one
--   13 tier        trust tier of its credential, '' for none
--   14 listed      '1' when the node lists the attempts it still runs
--   15.. attempts  job|attempt of each
-- REPLY
--   {1, generation, status, status_seq, former instance, former socket, dirty, "place "* of attempts to abort}
--   {-2} the id belongs to another credential | {-4} another socket holds it
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include nodes
--@include classes
--@include reconcile
--@include outbox
--@include holdings

local KEPT = {operator = 'operator', quarantine = 'quarantine'} -- a node ends its own drain by coming back
local id, socket, instance = ARGV[1], ARGV[2], ARGV[3]
local owned = redis.call('HMGET', KEYS[2], 'socket', 'owner', 'credential', 'generation', 'former_owner',
  'former_socket', 'drain', 'aborts')
local known = owned[1] and read_node(id)
-- An id that was registered without a credential is nobody's once its node is offline.
local is_free = owned[3] == '' and known and known.status == 'offline'
if owned[3] and owned[3] ~= ARGV[4] and not is_free then
  return {-2}
end

local function reply(generation, former_owner, former_socket, aborts)
  local state = redis.call('HMGET', KEYS[2], 'status', 'status_seq', 'dirty')
  return {1, generation, state[1], tonumber(state[2]), former_owner, former_socket, state[3], aborts}
end
if owned[1] == socket then
  return reply(tonumber(owned[4]), owned[5], owned[6], owned[8])
elseif ARGV[12] == '1' and known and known.status ~= 'offline' and owned[1] ~= '' then
  return {-4}
end

local former_owner, former_socket = '', ''
if known and owned[1] ~= '' then
  former_owner, former_socket = owned[2], owned[1]
  if former_owner ~= instance then
    tell(former_owner, 'kind', 'close', 'node', id, 'socket', former_socket)
  end
end
if known then
  let_node_go(owned[2], id)
  move_to_pools(known, '')
end
hold_node(instance, id)
-- Silent for 1.5 of its intervals a node gets no new work, and never as long as it takes to be offline.
local stale_ms = math.min(math.floor(ARGV[6] * 1.5), limit('silence_ms') - 1)
local generation = redis.call('HINCRBY', cell, 'generation', 1)
redis.call('PERSIST', KEYS[2])
redis.call('HSET', KEYS[2], 'socket', socket, 'owner', instance, 'credential', ARGV[4], 'generation', generation,
  'former_owner', former_owner, 'former_socket', former_socket, 'status', 'registering', 'status_reason', 'registered',
  'max', ARGV[5], 'beat_ms', ARGV[6], 'stale_ms', stale_ms, 'class', ARGV[7], 'class_json', ARGV[8],
  'semantic', ARGV[9], 'acks', ARGV[10], 'profile', ARGV[11], 'tier', ARGV[13], 'registered_ms', now, 'seen_ms', now, 'held', 0,
  'overloaded', '0', 'away', '', 'mute_ms', '', 'pools', '', 'why', 'status_not_ready', 'turn', 0, 'dirty', '0',
  'beat', '', 'beats', '', 'strikes', 0, 'breaker_ms', '', 'status_ms', now, 'drain', KEPT[owned[7]] or '', 'aborts', '', 'refused', '', 'held_for', '')
redis.call('HINCRBY', KEYS[2], 'status_seq', 1)

local node = read_node(id)
refresh_node(node)
note_life(node)
local pools = pools_of_node(id, ARGV[7])
if pools then
  move_to_pools(node, pools)
else
  note_dirty(id, KEYS[2])
end

local aborts = ''
if ARGV[14] == '1' then
  local listed = listed_from(ARGV, 15)
  aborts = take_list(id, listed, false)
  redis.call('HSET', KEYS[2], 'aborts', aborts)
  retry_lost(id, lost_of(id, listed, 0), 'The node lost this utterance when its connection broke.')
end
return reply(generation, former_owner, former_socket, aborts)
