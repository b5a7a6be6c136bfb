-- choose: the least loaded eligible node over candidate pools; cost does not grow with the number of nodes.
--@include nodes
--@include jobs
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

-- An instance is heard whenever it sweeps; one that never did is not judged, and one that asks is heard now.
local function instance_lives(id, asks)
  if id == asks then
    return true
  end
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
local function live_node(head, asks)
  local node = read_node(head.id)
  if node and reason_against(node) == '' and instance_lives(node.owner, asks) then
    return node
  elseif node then
    keep_away(node)
  end
  redis.call('ZREM', key('pool', head.pool), head.id)
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
    local node = live_node(head, job.asks)
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
