-- waiting: the central queue: jobs by requirement in rank order, and per pool the requirements that wait for it.
--@include jobs
--@include choose
--@include fair

local function note_head(requirement)
  local head = redis.call('ZRANGE', key('waiting', requirement), 0, 0, 'WITHSCORES')
  for _, pool in ipairs(pools_of(requirement)) do
    if head[1] then
      redis.call('ZADD', key('poolwaiting', pool), head[2], requirement)
    else
      redis.call('ZREM', key('poolwaiting', pool), requirement)
    end
  end
end

-- The node that was kept free for the job is served anew, by whoever settles next.
local function let_go(job)
  if redis.call('HGET', key('node', job.hold), 'held_for') == job.id then
    redis.call('HSET', key('node', job.hold), 'held_for', '')
    redis.call('ZADD', PREFIX .. 'deadlines', now, 'n|' .. job.hold)
  end
  redis.call('HSET', key('job', job.id), 'hold', '')
  job.hold = ''
end

local function enqueue(job)
  redis.call('ZADD', key('waiting', job.requirement), job.rank, job.id)
  note_waiting(job.tenant, 1)
  note_head(job.requirement)
  job.state = 'waiting'
  write_job(job, 'state', 'waiting', 'node', '', 'wait_until_ms', job.wait_until, 'waiting_ms', now)
  watch_job(job, job.relax_at and math.min(job.relax_at, job.wait_until) or job.wait_until)
end

local function dequeue(job)
  if redis.call('ZREM', key('waiting', job.requirement), job.id) == 1 then
    note_waiting(job.tenant, -1)
    note_head(job.requirement)
    if job.hold ~= '' then
      let_go(job)
    end
  end
end

-- It leaves the queue because it is served.
local function take(job)
  dequeue(job)
  pass_virtual_time(job)
end

-- A pool whose last node left a moment ago still counts: agents reconnect within seconds.
local function someone_serves(pools)
  for _, pool in ipairs(pools) do
    if redis.call('SCARD', key('members', pool)) > 0 or redis.call('EXISTS', key('poolgone', pool)) == 1 then
      return true
    end
  end
  return false
end
