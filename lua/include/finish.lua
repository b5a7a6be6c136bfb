-- finish: a job ends once; what the workers owe the client is recorded in the same step.
--@include nodes
--@include jobs

-- How long jobs take from being placed to their result, ms, in classes that grow by 15 %.
local function note_latency(job)
  local class = math.ceil(math.log(math.max(1, now - job.created)) / math.log(1.15))
  redis.call('HINCRBY', PREFIX .. 'latency', math.min(class, 100), 1)
end

-- `more_follows`: the caller has more to write to its record, and does so.
local function finish(job, state, code, message, more_follows)
  job.state = state
  count('n_' .. state)
  put_aside(job, 'state', state, 'ended_ms', now)
  if code ~= '' then
    put_aside(job, 'code', code, 'message', message)
  end
  if not more_follows then
    write_job(job)
  end
  redis.call('ZREM', PREFIX .. 'deadlines', 'j|' .. job.id)
  if job.counted then
    redis.call('ZREM', key('tenantjobs', job.counted), job.id)
  end
  if state == 'done' then
    note_latency(job)
  else
    redis.call('DEL', redis.call('HGET', key('job', job.id), 'binding')) -- the same utterance may be said again
  end
  redis.call('XADD', key('outbox', 'results:' .. job.shard), '*', 'job', job.id)
  redis.call('PEXPIRE', key('job', job.id), limit('session_ms')) -- a drain shortens it once the result is stored
end

-- The first result of an idle shard wakes a drain. Only a script whose reply says so may take the mark:
-- taken in silence it would keep the next ones from waking anybody. It lapses, so a lost wake-up is repeated.
local function wake(shard)
  return redis.call('SET', key('wake', shard), '1', 'NX', 'PX', limit('wake_ms')) and '1' or '0'
end

-- What the node was answered on an attempt; a repeated call hears it again. `...` are fields to write besides.
local function note_verdict(job_id, attempt, node_id, words, ...)
  redis.call('HSET', key('job', job_id), 'verdict' .. attempt, node_id .. ' ' .. words, ...)
end

-- Returns the node as it is without the attempt's leases; whoever asks serves it.
local function release_slot(job)
  drop_leases(job)
  return read_node(job.node)
end
