-- assign: binds the next attempt of a job to a node by leases that end by themselves.
--@include nodes
--@include jobs

-- Semantic repair is an attribute decided here, where the node is known: both languages must be its own.
local function repairs_semantics(job, node)
  local src, tgt = string.match(job.pair, '^(%S+) (%S+)$')
  local known = ' ' .. node.semantic .. ' '
  local has_src = src == 'auto' or string.find(known, ' ' .. src .. ' ', 1, true)
  return has_src and string.find(known, ' ' .. tgt .. ' ', 1, true) and '1' or '0'
end

-- `sent`: its instance is the one that asks, and sends it as it hears the reply.
local function assign(job, node, sent)
  local due = math.min(now + limit(not sent and 'dispatch_ms' or node.acks and 'ack_ms' or 'attempt_ms'), job.deadline)
  job.attempt = job.attempt + 1
  job.node = node.id
  job.state = sent and 'dispatched' or 'assigned'
  job.tried = job.tried .. node.id .. ' '
  job.assigned = now
  for slot = 1, job.cost do
    redis.call('ZADD', key('leases', node.id), due, lease_member(job, slot))
  end
  node.used = node.used + job.cost
  job.semantic = repairs_semantics(job, node)
  if job.relaxed then
    job.relaxed = false
    put_aside(job, 'relaxed', '0')
  end
  if sent then
    put_aside(job, 'dispatched_ms', now, 'renewed_ms', now)
  end
  write_job(job, 'state', job.state, 'attempt', job.attempt, 'node', node.id, 'tried', job.tried, 'assigned_ms', now,
    'semantic', job.semantic)
  node.given, node.turn = node.given + 1, job.turn or count('turn')
  job.turn = nil
  if limit('affinity_percent') > 0 then
    redis.call('HSET', PREFIX .. 'warm', job.requirement, node.id)
  end
  watch_job(job, due)
  refresh_node(node, 'turn', node.turn, 'given', node.given)
end

-- The reply is a fast path for the caller only; everybody else learns of an assignment by inbox.
-- `...` are fields by which that instance needs no look at the job's record.
local function tell_dispatch(job, node, ...)
  tell(node.owner, 'kind', 'dispatch', 'job', job.id, 'attempt', job.attempt, 'node', node.id, ...)
end
