-- finish: a job ends once; what the workers owe the client is recorded in the same step.

-- The first result of an idle shard wakes a drain; the mark lapses so that a lost wake-up is repeated.
local function wake(shard)
  return redis.call('SET', key('wake', shard), '1', 'NX', 'PX', limit('wake_ms')) and '1' or '0'
end

local function finish(job, state, code, message)
  job.state = state
  redis.call('HSET', key('job', job.id), 'state', state, 'code', code, 'message', message, 'ended_ms', now)
  redis.call('ZREM', PREFIX .. 'deadlines', 'j|' .. job.id)
  redis.call('XADD', key('outbox', 'results:' .. job.shard), '*', 'job', job.id)
  redis.call('PEXPIRE', key('job', job.id), limit('retention_ms'))
  return wake(job.shard)
end

local function release_slot(job)
  drop_leases(job)
  local node = read_node(job.node)
  if node then
    refresh_node(node)
  end
  return node
end
