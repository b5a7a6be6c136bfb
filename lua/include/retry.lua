-- retry: an attempt failed; the job goes elsewhere while attempts and the utterance's deadline last.

local function mark_attempt(job, verdict)
  redis.call('HSET', key('job', job.id), 'verdict' .. job.attempt, job.node .. ' ' .. verdict)
end

-- Ends the running attempt, then assigns the next one, lets the job wait, or fails it with `code`.
-- `told`: the node itself said so and needs no cancel. Returns the verdict words for the attempt.
local function retry(job, code, message, told)
  if not told then
    tell_cancel(job, code == 'JOB_TIMEOUT' and 'job_timeout' or code)
  end
  local left = release_slot(job)
  local words
  if job.attempt >= limit('max_attempts') or now >= job.deadline then
    words = 'failed ' .. finish(job, 'failed', code, message)
    mark_attempt(job, words)
  else
    words = 'retried 0'
    mark_attempt(job, words)
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
  if left then
    serve_and_tell(read_node(left.id)) -- read again: the next attempt may have changed it
  end
  return words
end

-- Every lease of the node fails over; at most `max` of them exist.
local function fail_over(node)
  for _, member in ipairs(redis.call('ZRANGE', key('leases', node.id), 0, -1)) do
    local id = string.match(member, '^(.-)|')
    local job = read_job(id)
    if job and job.node == node.id and RUNNING[job.state] then
      retry(job, 'NODE_UNAVAILABLE', 'The node that worked on this utterance was lost.', true)
    else
      redis.call('ZREM', key('leases', node.id), member)
    end
  end
end

local function take_offline(node, reason)
  set_status(node, 'offline', reason)
  refresh_node(node)
  move_to_pools(node, '')
  redis.call('HSET', key('node', node.id), 'held', 0, 'away', '')
  redis.call('ZREM', PREFIX .. 'deadlines', 'n|' .. node.id)
  redis.call('ZREM', PREFIX .. 'nodes', node.id)
  redis.call('PEXPIRE', key('node', node.id), limit('node_memory_ms'))
  fail_over(node)
end
