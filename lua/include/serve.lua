-- serve: a freed or added slot goes, in the same script, to the first waiting job the node can do.
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

local function first_job_for(node)
  local best
  local looks = 0
  for _, head in ipairs(heads_waiting_for(node)) do
    if looks >= LOOKS or (best and best.rank < head.rank) then
      break
    end
    for _, id in ipairs(redis.call('ZRANGE', key('waiting', head.requirement), 0, LOOKS - 1 - looks)) do
      looks = looks + 1
      local job = read_job(id)
      if not excludes(job, node.id) and job.cost <= free_slots(node) then
        if not best or job.rank < best.rank then
          best = job
        end
        break
      end
    end
  end
  return best
end

-- Every script that changes a node ends here. Returns the jobs assigned; the caller tells the node's owner.
local function serve_node(node)
  refresh_node(node)
  local handed = {}
  while node.why == '' do
    local job = first_job_for(node)
    if not job then
      break
    elseif #handed == HANDED_AT_ONCE then
      watch_node(node, now)
      break
    end
    dequeue(job)
    assign(job, node)
    handed[#handed + 1] = job
  end
  return handed
end

local function serve_and_tell(node)
  for _, job in ipairs(serve_node(node)) do
    tell_dispatch(job, node)
  end
end
