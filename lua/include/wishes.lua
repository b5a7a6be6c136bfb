-- wishes: nodes that a job had better go to than to the least loaded one.
--@include nodes
--@include jobs
--@include choose

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
  local able = node and reason_against(node) == '' and instance_lives(node.owner, job.asks) and shares_pool(node, pools)
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
