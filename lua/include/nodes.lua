-- nodes: the one place that decides whether a node may be given work, and keeps pools and counters in step.
local TURN_SPAN = 2 ^ 40 -- a pool's score is load in thousandths times this, plus the turn of the last assignment
local NODE_FIELDS = {
  'status', 'max', 'held', 'seen_ms', 'beat_ms', 'overloaded', 'away', 'pools', 'why', 'turn', 'owner', 'semantic', 'acks',
}

local function read_node(id)
  local v = redis.call('HMGET', key('node', id), unpack(NODE_FIELDS))
  if not v[1] then
    return nil
  end
  return {
    id = id, status = v[1], max = tonumber(v[2]), held = tonumber(v[3]), seen = tonumber(v[4]), beat = tonumber(v[5]),
    overloaded = v[6] == '1', away = v[7] ~= '', pools = v[8], why = v[9], turn = tonumber(v[10]), owner = v[11],
    semantic = v[12], acks = v[13] == '1',
  }
end

local function stale_after(node)
  return math.floor(node.beat * 1.5)
end

local function free_slots(node)
  return node.max - node.held - redis.call('ZCARD', key('leases', node.id))
end

-- '' means dispatchable; anything else is the reason operators read.
local function reason_against(node)
  if node.status == 'offline' or node.status == 'draining' then
    return node.status
  elseif node.status ~= 'ready' then
    return 'status_not_ready'
  elseif node.away then
    return 'away'
  elseif now - node.seen > stale_after(node) then
    return 'silent'
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

-- Recomputes what the node's state means for its pools. Every script that changes a node ends here.
local function refresh_node(node)
  local why = reason_against(node)
  local score = math.floor((node.max - free_slots(node)) * 1000 / node.max) * TURN_SPAN + node.turn
  for pool in string.gmatch(node.pools, '%S+') do
    if why == '' then
      redis.call('ZADD', key('pool', pool), score, node.id)
    else
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
