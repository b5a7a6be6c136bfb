-- holdings: what each instance holds the sockets of, so that its end is settled without a scan. Wants `ground`.
local ENDED = 'ended' -- instead of the generation of an instance whose holdings are being settled

local function hold_node(instance, id)
  redis.call('SADD', key('instancenodes', instance), id)
end

local function let_node_go(instance, id)
  redis.call('SREM', key('instancenodes', instance), id)
end

-- The score says when to see whether the session's record still is there; before the index itself could lapse.
local function hold_session(instance, id, lives_ms)
  local index = key('instancesessions', instance)
  redis.call('ZADD', index, now + lives_ms, id)
  redis.call('PEXPIRE', index, 2 * limit('session_ms'))
end

local function let_session_go(instance, id)
  redis.call('ZREM', key('instancesessions', instance), id)
end
