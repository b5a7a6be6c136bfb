-- serving: which of the jobs that wait a node does next, and handing them to it.
--@include nodes
--@include jobs
--@include assign
--@include choose
--@include waiting
local MISFITS = 64 -- waiting jobs too large for the node that are passed over
local HANDED_AT_ONCE = 64 -- bounds one script; a node with more free slots is watched and served again

local function heads_waiting_for(node)
  local heads, known = {}, {}
  for pool in string.gmatch(node.pools, '%S+') do
    local found = redis.call('ZRANGE', key('poolwaiting', pool), 0, LOOKS - 1, 'WITHSCORES')
    for at = 1, #found, 2 do
      if not known[found[at]] then
        known[found[at]] = true
        heads[#heads + 1] = {requirement = found[at], rank = tonumber(found[at + 1])}
      end
    end
  end
  table.sort(heads, function(a, b) return a.rank < b.rank end)
  return heads
end

-- A large job that has waited for long keeps one node free for itself, or small ones would pass it for ever.
-- True when that is this node.
local function holds(job, node)
  if now - job.waiting_since < limit('large_hold_ms') or node.max - node.held < job.cost then
    return false
  elseif job.hold ~= '' and job.hold ~= node.id then
    local other = read_node(job.hold)
    if other and other.held_for == job.id and other.status == 'ready' and not other.away_until then
      return false
    end
  end
  node.held_for = job.id
  redis.call('HSET', key('job', job.id), 'hold', node.id)
  redis.call('HSET', key('node', node.id), 'held_for', job.id)
  refresh_node(node)
  return true
end

-- Jobs that are too large are passed over in numbers: they would hide small ones that fit.
local function first_job_for(node)
  local best
  local looks, misfits = 0, 0
  for _, head in ipairs(heads_waiting_for(node)) do
    if looks >= LOOKS or (best and best.rank < head.rank) then
      break
    end
    for _, id in ipairs(redis.call('ZRANGE', key('waiting', head.requirement), 0, LOOKS + MISFITS - 1)) do
      local job = read_job(id)
      local fits = job.cost <= free_slots(node)
      if fits and not excludes(job, node.id) then
        if not best or job.rank < best.rank then
          best = job
        end
        break
      elseif not fits and not best and not excludes(job, node.id) and holds(job, node) then
        return nil
      end
      looks, misfits = looks + (fits and 1 or 0), misfits + (fits and 0 or 1)
      if looks >= LOOKS or misfits >= MISFITS then
        break
      end
    end
  end
  return best
end

-- The job that the node is kept free for, if it still waits for it.
local function held_job(node)
  local job = node.held_for ~= '' and read_job(node.held_for)
  if job and job.state == 'waiting' and job.hold == node.id and not excludes(job, node.id) then
    return job
  end
end

local function next_job_for(node)
  local job = held_job(node)
  if job then
    node.held_for = ''
    local fits = reason_against(node) == '' and job.cost <= free_slots(node)
    node.held_for = job.id
    return fits and job or nil
  elseif node.held_for ~= '' then
    node.held_for = ''
    redis.call('HSET', key('node', node.id), 'held_for', '')
    refresh_node(node)
  end
  return node.why == '' and first_job_for(node) or nil
end

-- Gives the jobs assigned.
local function hand_out(node)
  local handed = {}
  while true do
    local job = next_job_for(node)
    if not job then
      break
    elseif #handed == HANDED_AT_ONCE then
      watch_node(node, now)
      break
    end
    node.held_for = ''
    take(job)
    assign(job, node, node.owner == node.asks)
    handed[#handed + 1] = job
  end
  return handed
end
