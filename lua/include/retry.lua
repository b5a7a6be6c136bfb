-- retry: an attempt failed; the job goes elsewhere while attempts and the utterance's deadline last.
--@include nodes
--@include jobs
--@include assign
--@include choose
--@include waiting
--@include serve
--@include finish
--@include dead

local function try_elsewhere(job)
  local node = choose(pools_of(job.requirement), job, '')
  if node then
    assign(job, node)
    tell_dispatch(job, node)
  else
    job.relax_at = now + limit('relax_ms')
    job.wait_until = math.min(now + limit('wait_ms'), job.deadline)
    enqueue(job)
  end
end

-- Failures that are not the node's: it was full, out of reach, or lacks a model, which is dealt with elsewhere.
local NO_STRIKE = {
  NODE_OVERLOADED = true, NODE_UNAVAILABLE = true, WS_DISCONNECTED = true, MODEL_NOT_AVAILABLE = true,
}

-- Ends the running attempt, then assigns the next one, lets the job wait, or fails it with `code`.
-- `told`: the node itself said so and needs no cancel. `how` the attempt ended: a word of the dead letters.
-- Returns what became of the attempt.
local function retry(job, code, message, told, how)
  if not told then
    tell_cancel(job, code == 'JOB_TIMEOUT' and 'job_timeout' or code)
  end
  local outcome = (job.attempt >= limit('max_attempts') or now >= job.deadline) and 'failed' or 'retried'
  note_verdict(job.id, job.attempt, job.node, outcome .. ' 0')
  note_end(job, how)
  local left = job.node
  drop_leases(job)
  redis.call('HINCRBY', key('node', left), 'retried', 1)
  local failed = not NO_STRIKE[code] and read_node(left)
  if failed and failed.status ~= 'offline' then
    note_strike(failed)
  end
  if outcome == 'failed' then
    fail(job, code, message)
  else
    count('n_retried')
    try_elsewhere(job)
  end
  local node = read_node(left)
  if node then
    serve_and_tell(node)
  end
  return outcome
end

-- A script that was asked for the verdict says in its reply whether a drain has to be published.
local function with_wake(outcome, job, attempt, node_id)
  local words = outcome .. ' ' .. (outcome == 'failed' and wake(job.shard) or '0')
  note_verdict(job.id, attempt, node_id, words)
  return words
end

-- Every lease of the node fails over; at most `max` of them exist. `told`: it has no socket to hear of it. What was
-- never sent to it ended otherwise than `how`.
local function fail_over(node, told, how)
  for _, member in ipairs(redis.call('ZRANGE', key('leases', node.id), 0, -1)) do
    local id = string.match(member, '^(.-)|')
    local job = read_job(id)
    if job and job.node == node.id and RUNNING[job.state] then
      retry(job, 'NODE_UNAVAILABLE', 'The node that worked on this utterance was lost.', told,
        job.state == 'assigned' and 'unreached' or how)
    else
      redis.call('ZREM', key('leases', node.id), member)
    end
  end
end

local function take_offline(node, reason)
  set_status(node, 'offline', reason)
  move_to_pools(node, '')
  redis.call('HSET', key('node', node.id), 'held', 0, 'away', '', 'held_for', '')
  redis.call('ZREM', PREFIX .. 'deadlines', 'n|' .. node.id)
  redis.call('ZREM', PREFIX .. 'nodes', node.id)
  redis.call('SREM', key('instancenodes', node.owner), node.id)
  forget_in_time(node)
  fail_over(node, true, 'lost')
end
