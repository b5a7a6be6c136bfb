-- choose: the least loaded eligible node over candidate pools; cost does not grow with the number of nodes.
local LOOKS = 8 -- entries that may be passed over because the job excludes them or they lack room

local function head_of(pool, offset)
  local entry = redis.call('ZRANGE', key('pool', pool), offset, offset, 'WITHSCORES')
  if entry[1] then
    local score = tonumber(entry[2])
    return {pool = pool, offset = offset, id = entry[1], score = score, load = math.floor(score / TURN_SPAN)}
  end
end

-- A pool made for the requirement holds the nodes its tenant is to use before all others.
local function own_pool(job)
  return 'req-' .. job.requirement
end

-- Equal loads: the preferred pool first, then the node that has waited longest for work.
local function before(a, b, preferred, own)
  if (a.pool == own) ~= (b.pool == own) then
    return a.pool == own
  elseif a.load ~= b.load then
    return a.load < b.load
  elseif (a.pool == preferred) ~= (b.pool == preferred) then
    return a.pool == preferred
  end
  return a.score < b.score
end

local function best_head(heads, preferred, own)
  local best
  for at, head in pairs(heads) do
    if not best or before(head, heads[best], preferred, own) then
      best = at
    end
  end
  return best
end

-- An instance is heard whenever it sweeps; one that never did is not judged.
local function instance_lives(id)
  local heard = redis.call('ZSCORE', PREFIX .. 'instances', id)
  return not heard or now - heard < limit('presence_ms')
end

-- The socket of a live node seems to have died with its instance: no new work for a while, then one more look.
local function keep_away(node)
  if reason_against(node) == '' then
    node.mute_until = now + limit('presence_ms')
    redis.call('HSET', key('node', node.id), 'mute_ms', node.mute_until)
    watch_node(node, node.mute_until)
  end
  refresh_node(node)
end

-- The node of a pool's entry. One that fell silent since it came in leaves as it is met, once each,
-- so a crowd of them costs no later call and never hides a node behind it.
local function live_node(head)
  local node = read_node(head.id)
  if node and reason_against(node) == '' and instance_lives(node.owner) then
    return node
  elseif node then
    keep_away(node)
  end
  redis.call('ZREM', key('pool', head.pool), head.id)
end

local function load_of(node)
  return math.floor((node.max - free_slots(node)) * 1000 / node.max)
end

local function shares_pool(node, pools)
  for _, pool in ipairs(pools) do
    if string.find(' ' .. node.pools .. ' ', ' ' .. pool .. ' ', 1, true) then
      return true
    end
  end
  return false
end

-- A node that is wished for, if it can take the job now and is loaded (in thousandths) no more than `most`.
local function wished(id, pools, job, most)
  local node = id and id ~= '' and read_node(id)
  local able = node and reason_against(node) == '' and instance_lives(node.owner) and shares_pool(node, pools)
  if able and not excludes(job, id) and free_slots(node) >= job.cost and load_of(node) <= most then
    return node
  end
end

local function least_load(pools)
  local least = math.huge
  for _, pool in ipairs(pools) do
    local head = head_of(pool, 0)
    least = math.min(least, head and head.load or math.huge)
  end
  return least
end

-- Wishes before load: the node a session was paired with; then, as long as it is hardly busier than the emptiest
-- one, the node that did the session's last utterance, or the last one of the same requirement, whose models
-- are warm. A node that drains or is gone is no wish any more: `reason_against` says so.
local function favoured(pools, job, preferred_node)
  local node = wished(preferred_node, pools, job, math.huge)
  local window = limit('affinity_percent') * 10
  if node or window == 0 then
    return node
  end
  local most = least_load(pools) + window
  node = wished(redis.call('HGET', key('session', job.session), 'last_node'), pools, job, most)
    or wished(redis.call('HGET', PREFIX .. 'warm', job.requirement), pools, job, most)
  return node
end

local function choose(pools, job, preferred)
  local heads = {}
  for at, pool in ipairs(pools) do
    heads[at] = head_of(pool, 0)
  end
  local passed = 0
  while passed < LOOKS do
    local at = best_head(heads, preferred, own_pool(job))
    if not at then
      return nil
    end
    local head = heads[at]
    local node = live_node(head)
    if node and not excludes(job, node.id) and free_slots(node) >= job.cost then
      return node
    elseif node then
      passed = passed + 1
      head.offset = head.offset + 1
    end
    heads[at] = head_of(head.pool, head.offset)
  end
end

-- On wish, what a session says in short order goes to different nodes, so that losing one loses little of it.
local function choose_apart(pools, job, preferred)
  local window = limit('spread_ms')
  if window > 0 then
    local last, at = unpack(redis.call('HMGET', key('session', job.session), 'last_node', 'last_ms'))
    job.avoid = last and now - at < window and last
    local node = job.avoid and choose(pools, job, preferred)
    job.avoid = nil
    if node then
      return node
    end
  end
  return choose(pools, job, preferred)
end

local function pools_of(requirement)
  return redis.call('SMEMBERS', key('reqpools', requirement))
end
