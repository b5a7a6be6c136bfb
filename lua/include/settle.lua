-- settle: everything that must happen by itself stands in one index; whoever comes by settles what is due.

local FAILURES = {
  assigned = {'NODE_UNAVAILABLE', 'The node could not be reached in time.'},
  dispatched = {'JOB_TIMEOUT', 'The node did not answer in time.'},
  accepted = {'JOB_TIMEOUT', 'The node made no progress in time.'},
  started = {'JOB_TIMEOUT', 'The node made no progress in time.'},
}

local function settle_waiting(job)
  if now >= job.deadline or now >= job.wait_until then
    dequeue(job)
    local late = now >= job.deadline
    finish(job, 'failed', late and 'JOB_TIMEOUT' or 'NO_AVAILABLE_NODE',
      late and 'The utterance was not translated within its time.' or 'No node became free in time. Say it again in a moment.')
    return
  end
  job.relaxed = true
  redis.call('HSET', key('job', job.id), 'relaxed', '1')
  local node = choose(pools_of(job.requirement), job, '')
  if node then
    dequeue(job)
    assign(job, node)
    tell_dispatch(job, node)
  else
    watch_job(job, job.wait_until)
  end
end

local function settle_job(id)
  local job = read_job(id)
  if job and job.state == 'waiting' then
    settle_waiting(job)
  elseif job and RUNNING[job.state] then
    retry(job, FAILURES[job.state][1], FAILURES[job.state][2], false)
  else
    redis.call('ZREM', PREFIX .. 'deadlines', 'j|' .. id)
  end
end

local function settle_node(id)
  local node = read_node(id)
  if not node or node.status == 'offline' then
    redis.call('ZREM', PREFIX .. 'deadlines', 'n|' .. id)
    return
  end
  local away_until = tonumber(redis.call('HGET', key('node', id), 'away'))
  if away_until and now >= away_until then
    take_offline(node, 'the socket closed and did not come back')
  elseif now - node.seen >= limit('silence_ms') then
    take_offline(node, 'no heartbeat in time')
  else
    refresh_node(node)
    local stale = node.seen + stale_after(node) + 1
    watch_node(node, away_until or (now >= stale and node.seen + limit('silence_ms') or stale))
    serve_and_tell(node)
  end
end

local function settle(most)
  local due = redis.call('ZRANGEBYSCORE', PREFIX .. 'deadlines', '-inf', now, 'LIMIT', 0, most)
  for _, entry in ipairs(due) do
    local id = string.sub(entry, 3)
    if string.sub(entry, 1, 1) == 'j' then
      settle_job(id)
    else
      settle_node(id)
    end
  end
end
