-- nodes: the one place that decides whether a node may be given work, and keeps pools and counters in step.
local TURN_SPAN = 2 ^ 40 -- a pool's score is load in thousandths times this, plus the turn of the last assignment
local NODE_FIELDS = {
  'status', 'max', 'held', 'seen_ms', 'stale_ms', 'overloaded', 'away', 'pools', 'why', 'turn', 'owner', 'semantic',
  'mute_ms',
}

-- `used` is the number of live leases; only `assign` and a fresh reading change it.
local function read_node(id)
  local v = redis.call('HMGET', key('node', id), unpack(NODE_FIELDS))
  if not v[1] then
    return nil
  end
  return {
    id = id, status = v[1], max = tonumber(v[2]), held = tonumber(v[3]), seen = tonumber(v[4]), stale = tonumber(v[5]),
    overloaded = v[6] == '1', away_until = tonumber(v[7]), pools = v[8], why = v[9], turn = tonumber(v[10]),
    owner = v[11], semantic = v[12], mute_until = tonumber(v[13]), used = redis.call('ZCARD', key('leases', id)),
  }
end

local function free_slots(node)
  return node.max - node.held - node.used
end

-- '' means dispatchable; anything else is the reason operators read.
local function reason_against(node)
  if node.status == 'offline' or node.status == 'draining' then
    return node.status
  elseif node.status ~= 'ready' then
    return 'status_not_ready'
  elseif node.away_until then
    return 'away'
  elseif now - node.seen > node.stale then
    return 'silent'
  elseif node.mute_until and now < node.mute_until then
    return 'instance_silent'
  elseif node.overloaded then
    return 'resource_threshold_exceeded'
  elseif free_slots(node) < 1 then
    return 'capacity_exceeded'
  end
  return ''
end

local function count_in_pool(pool, why, change)
  redis.call('HINCRBY', key('poolcount', pool), why == '' and 'dispatchable' or why, change)
end

-- Recomputes what the node's state means for its pools: it stands in them while nothing speaks against it.
local function refresh_node(node)
  local why = reason_against(node)
  local score = math.floor((node.max - free_slots(node)) * 1000 / node.max) * TURN_SPAN + node.turn
  for pool in string.gmatch(node.pools, '%S+') do
    if why == '' then
      redis.call('ZADD', key('pool', pool), score, node.id)
    elseif node.why == '' then
      redis.call('ZREM', key('pool', pool), node.id)
    end
    if why ~= node.why then
      count_in_pool(pool, node.why, -1)
      count_in_pool(pool, why, 1)
    end
  end
  if why ~= node.why then
    redis.call('HSET', key('node', node.id), 'why', why)
    node.why = why
  end
end

local function move_to_pools(node, pools)
  for pool in string.gmatch(node.pools, '%S+') do
    redis.call('ZREM', key('pool', pool), node.id)
    redis.call('SREM', key('members', pool), node.id)
    redis.call('SET', key('poolgone', pool), node.id, 'PX', limit('wait_ms'))
    count_in_pool(pool, node.why, -1)
  end
  for pool in string.gmatch(pools, '%S+') do
    redis.call('SADD', key('members', pool), node.id)
    count_in_pool(pool, node.why, 1)
  end
  node.pools = pools
  redis.call('HSET', key('node', node.id), 'pools', pools)
  refresh_node(node)
end

local function set_status(node, status, reason)
  if node.status ~= status then
    node.status = status
    redis.call('HSET', key('node', node.id), 'status', status, 'status_reason', reason)
    redis.call('HINCRBY', key('node', node.id), 'status_seq', 1)
  end
end

local function watch_node(node, due)
  redis.call('ZADD', PREFIX .. 'deadlines', due, 'n|' .. node.id)
end

-- Silence first keeps new work away, then takes the node offline, as does the end of a closed socket's grace:
-- the index holds what comes next.
local function watch_life(node)
  local stale, gone = node.seen + node.stale + 1, node.seen + limit('silence_ms')
  watch_node(node, math.min(node.away_until or gone, stale > now and stale or gone))
end

local function note_life(node)
  node.seen = now
  redis.call('HSET', key('node', node.id), 'seen_ms', now)
  redis.call('ZADD', PREFIX .. 'nodes', now, node.id)
  watch_life(node)
end
