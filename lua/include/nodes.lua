-- nodes: the one place that decides whether a node may be given work, and keeps pools and counters in step.
local TURN_SPAN = 2 ^ 40 -- a pool's score is load in thousandths times this, plus the turn of the last assignment
local MOST_DOUBLINGS = 5 -- of a breaker's rest
local NODE_FIELDS = {
  'status', 'max', 'held', 'seen_ms', 'stale_ms', 'overloaded', 'away', 'pools', 'why', 'turn', 'owner', 'semantic',
  'mute_ms', 'drain', 'strikes', 'breaker_ms', 'status_ms', 'held_for', 'counted', 'serving', 'acks', 'given', 'done',
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
    owner = v[11], semantic = v[12], mute_until = tonumber(v[13]), drain = v[14], strikes = tonumber(v[15]),
    breaker_until = tonumber(v[16]), status_since = tonumber(v[17]), held_for = v[18], counted = v[19] or '',
    serving = v[20] or '', acks = v[21] == '1', given = tonumber(v[22] or 0), done = tonumber(v[23] or 0),
    used = redis.call('ZCARD', key('leases', id)),
  }
end

local function free_slots(node)
  return node.max - node.held - node.used
end

-- A node that failed too often in a row rests; then one job at a time shows whether it works again.
local function breaker_open(node)
  if node.strikes == 0 or node.strikes < limit('breaker_failures') then
    return false
  end
  return now < (node.breaker_until or 0) or node.used > 0
end

-- '' means dispatchable; anything else is the reason operators read.
local function reason_against(node)
  if node.drain == 'quarantine' and node.status == 'draining' then
    return 'quarantined'
  elseif node.status == 'offline' or node.status == 'draining' then
    return node.status
  elseif node.status ~= 'ready' then
    return 'status_not_ready'
  elseif node.away_until then
    return 'away'
  elseif now - node.seen > node.stale then
    return 'silent'
  elseif node.mute_until and now < node.mute_until then
    return 'instance_silent'
  elseif breaker_open(node) then
    return 'breaker_open'
  elseif node.overloaded then
    return 'resource_threshold_exceeded'
  elseif free_slots(node) < 1 or node.held_for ~= '' then
    return 'capacity_exceeded'
  end
  return ''
end

-- A node stands in its pool's order while nothing speaks against it, else among those kept out by one word.
local function note_why(pool, why, command, id)
  if why ~= '' then
    redis.call(command, key('poolwhy', pool .. ':' .. why), id)
  end
end

-- The cell's totals of nodes by status and of slots: what this node adds to them stands in its record, so a sum
-- moves by the difference alone and cannot drift. Gives what is to be written there.
local function count_node(node)
  local is = node.status == 'offline' and '' or node.status .. ' ' .. node.max .. ' ' .. node.used
  if is == node.counted then
    return is
  end
  local old_status, old_slots, old_used = string.match(node.counted, '^(%S+) (%S+) (%S+)$')
  if old_status == node.status and tonumber(old_slots) == node.max then
    count('slots_used', node.used - old_used)
    return is
  end
  local function add(name, change)
    if change ~= 0 then
      count(name, change)
    end
  end
  local status, slots, used = string.match(is, '^(%S+) (%S+) (%S+)$')
  if status ~= old_status then
    add('nodes:' .. (status or ''), status and 1 or 0)
    add('nodes:' .. (old_status or ''), old_status and -1 or 0)
  end
  add('slots', (slots or 0) - (old_slots or 0))
  add('slots_used', (used or 0) - (old_used or 0))
  return is
end

-- The slots that work for each pool, busy, free or back in a moment; they too move by what this node's record says
-- it adds.
local WORKS = {[''] = true, capacity_exceeded = true, away = true}

local function count_serving(node, why)
  local works = WORKS[why] and node.max > node.held
  local is = works and node.max - node.held .. ' ' .. node.pools or ''
  if is == node.serving then
    return is
  end
  -- Adds slots to what works for pools, or takes them away; with the last slot goes all that is noted of their pace.
  local function add(words, sign)
    local slots, pools = string.match(words, '^(%d+) (.*)$')
    for pool in string.gmatch(pools or '', '%S+') do
      if redis.call('HINCRBY', PREFIX .. 'pace', 'slots:' .. pool, sign * slots) == 0 then
        redis.call('HDEL', PREFIX .. 'pace', 'slots:' .. pool, 'work:' .. pool, 'refused:' .. pool)
        redis.call('SET', key('poolrests', pool), now, 'PX', math.max(1, limit('admit_wait_ms')))
      end
    end
  end
  add(is, 1) -- first, or the pace of a pool with this one node would be forgotten on the way
  add(node.serving, -1)
  return is
end

-- Recomputes what the node's state means for its pools and the totals; `...` are fields of its record that have
-- changed besides.
local function refresh_node(node, ...)
  local why = reason_against(node)
  local counted, serving = count_node(node), count_serving(node, why)
  local score = math.floor((node.max - free_slots(node)) * 1000 / node.max) * TURN_SPAN + node.turn
  for pool in string.gmatch(node.pools, '%S+') do
    if why == '' then
      redis.call('ZADD', key('pool', pool), score, node.id)
    elseif node.why == '' then
      redis.call('ZREM', key('pool', pool), node.id)
    end
    if why ~= node.why then
      note_why(pool, node.why, 'SREM', node.id)
      note_why(pool, why, 'SADD', node.id)
    end
  end
  local fields = {...}
  if counted ~= node.counted then
    fields[#fields + 1], fields[#fields + 2] = 'counted', counted
  end
  if why ~= node.why or serving ~= node.serving then
    fields = {'why', why, 'serving', serving, unpack(fields)}
  end
  if fields[1] then
    redis.call('HSET', key('node', node.id), unpack(fields))
    node.why, node.counted, node.serving = why, counted, serving
  end
end

local function move_to_pools(node, pools)
  for pool in string.gmatch(node.pools, '%S+') do
    redis.call('ZREM', key('pool', pool), node.id)
    redis.call('SREM', key('members', pool), node.id)
    redis.call('SET', key('poolgone', pool), node.id, 'PX', limit('wait_ms'))
    note_why(pool, node.why, 'SREM', node.id)
  end
  for pool in string.gmatch(pools, '%S+') do
    redis.call('SADD', key('members', pool), node.id)
    note_why(pool, node.why, 'SADD', node.id)
  end
  node.pools = pools
  redis.call('HSET', key('node', node.id), 'pools', pools)
  refresh_node(node)
end

-- The node is told by its own instance: from the script's reply (`told`), or from this entry in its inbox.
local function tell_status(node, reason, told)
  redis.call('HSET', key('node', node.id), 'status_reason', reason)
  redis.call('HINCRBY', key('node', node.id), 'status_seq', 1)
  if not told then
    tell(node.owner, 'kind', 'status', 'node', node.id)
  end
end

local function set_status(node, status, reason, told)
  if node.status ~= status then
    node.status, node.status_since = status, now
    redis.call('HSET', key('node', node.id), 'status', status, 'status_ms', now)
    tell_status(node, reason, told)
  end
end

-- An operator's word on a node lasts until an operator takes it back, so its record does not expire before.
local function forget_in_time(node)
  if node.drain == 'operator' or node.drain == 'quarantine' then
    redis.call('PERSIST', key('node', node.id))
  else
    redis.call('PEXPIRE', key('node', node.id), limit('node_memory_ms'))
  end
end

local function watch_node(node, due)
  redis.call('ZADD', PREFIX .. 'deadlines', due, 'n|' .. node.id)
end

local function warm_until(node)
  return node.status == 'registering' and node.status_since + limit('warmup_ms') or math.huge
end

-- Silence first keeps new work away, then takes the node offline, as does the end of a closed socket's grace.
-- Warm-up and the breaker's rest end as well: the index holds what comes next.
local function watch_life(node)
  local due = math.min(node.away_until or math.huge, node.seen + limit('silence_ms'), warm_until(node))
  for _, moment in ipairs({node.seen + node.stale + 1, node.breaker_until or 0}) do
    due = moment > now and math.min(due, moment) or due
  end
  watch_node(node, due)
end

-- An attempt failed by the node's own fault; a crowd of them in a row opens its breaker, longer each time.
local function note_strike(node)
  node.strikes = node.strikes + 1
  local over = node.strikes - limit('breaker_failures')
  if over >= 0 then
    node.breaker_until = now + limit('breaker_ms') * 2 ^ math.min(over, MOST_DOUBLINGS)
    redis.call('HSET', key('node', node.id), 'breaker_ms', node.breaker_until)
    watch_life(node)
  end
  redis.call('HSET', key('node', node.id), 'strikes', node.strikes)
end

local function clear_strikes(node)
  if node.strikes > 0 then
    node.strikes, node.breaker_until = 0, nil
    redis.call('HSET', key('node', node.id), 'strikes', 0, 'breaker_ms', '')
  end
end

-- The caller goes on to say when to look after it again: `watch_life`.
local function note_seen(node)
  node.seen = now
  redis.call('HSET', key('node', node.id), 'seen_ms', now)
  redis.call('ZADD', PREFIX .. 'nodes', now, node.id)
end

local function note_life(node)
  note_seen(node)
  watch_life(node)
end
