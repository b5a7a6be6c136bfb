-- settle: what becomes of a job, a node or a requirement whose moment has come.
--@include nodes
--@include jobs
--@include choose
--@include waiting
--@include serve
--@include dead
--@include retry
--@include place

local FAILURES = {
  assigned = {'NODE_UNAVAILABLE', 'The node could not be reached in time.', 'unreached'},
  dispatched = {'JOB_TIMEOUT', 'The node did not answer in time.', 'unanswered'},
  accepted = {'JOB_TIMEOUT', 'The node made no progress in time.', 'no_progress'},
  started = {'JOB_TIMEOUT', 'The node made no progress in time.', 'no_progress'},
}

-- An attempt that was cut short by the utterance's end, while it gave signs of life, is not held against anybody.
local function how_it_ended(job)
  local heard = tonumber(redis.call('HGET', key('job', job.id), 'renewed_ms') or 0)
  local alive = now >= job.deadline and now - heard < limit('attempt_ms') / 2
  return alive and job.state ~= 'assigned' and 'out_of_time' or FAILURES[job.state][3]
end

local function give_up_waiting(job)
  dequeue(job)
  if now >= job.deadline then
    fail(job, 'JOB_TIMEOUT', 'The utterance was not translated within its time.')
  else
    fail(job, 'NO_AVAILABLE_NODE', 'No node became free in time. Say it again in a moment.')
  end
end

-- From now on the job also takes a node that it has tried.
local function relax(job)
  job.relaxed = true
  redis.call('HSET', key('job', job.id), 'relaxed', '1')
  local node = choose(pools_of(job.requirement), job, '')
  if node then
    place(job, node)
    place_waiting(job.requirement) -- those behind it, whom it kept from being looked at
  else
    watch_job(job, job.wait_until)
  end
end

local function settle_job(id)
  local job = read_job(id)
  if job and job.state == 'waiting' then
    local over = now >= job.deadline or now >= job.wait_until
    if over then give_up_waiting(job) else relax(job) end
  elseif job and RUNNING[job.state] then
    retry(job, FAILURES[job.state][1], FAILURES[job.state][2], false, how_it_ended(job))
  else
    redis.call('ZREM', PREFIX .. 'deadlines', 'j|' .. id)
  end
end

local function settle_node(id)
  local node = read_node(id)
  if not node or node.status == 'offline' then
    redis.call('ZREM', PREFIX .. 'deadlines', 'n|' .. id)
  elseif node.away_until and now >= node.away_until then
    take_offline(node, 'the socket closed and did not come back')
  elseif now - node.seen >= limit('silence_ms') then
    take_offline(node, 'no heartbeat in time: it is back with the next one')
  else
    if now >= warm_until(node) then
      set_status(node, 'degraded', 'no healthy heartbeat within the warm-up: see that a service is ready')
    end
    watch_life(node)
    serve_and_tell(node)
  end
end

local function settle_requirement(id)
  redis.call('ZREM', PREFIX .. 'deadlines', 'r|' .. id)
  place_waiting(id)
end

local SETTLERS = {j = settle_job, n = settle_node, r = settle_requirement}

-- One at a time: settling one entry may end or postpone the next.
local function settle_due(most)
  for _ = 1, most do
    local first = redis.call('ZRANGE', PREFIX .. 'deadlines', 0, 0, 'WITHSCORES')
    if not first[1] or tonumber(first[2]) > now then
      return
    end
    SETTLERS[string.sub(first[1], 1, 1)](string.sub(first[1], 3))
  end
end
