-- jobs: reading job records, ending attempts, and telling the instance that holds the node's socket.
local JOB_FIELDS = {
  'state', 'attempt', 'node', 'shard', 'cost', 'tenant', 'created_ms', 'assigned_ms', 'counted', 'audio_ms',
  'session', 'order', 'tgt', 'requirement', 'rank', 'tried', 'deadline_ms', 'wait_until_ms', 'relaxed', 'pair',
  'start', 'hold', 'waiting_ms', 'token',
}
local FOR_ITS_END = 10 -- the first of them: all that a job's success needs

-- Of most jobs some of these are not written: what is taken here instead.
local function job_of(id, v)
  return v[1] and {
    id = id, state = v[1], attempt = tonumber(v[2] or 0), node = v[3] or '', shard = v[4], cost = tonumber(v[5] or 1),
    tenant = v[6] or '', created = tonumber(v[7]), assigned = tonumber(v[8] or now), counted = v[9],
    audio_ms = v[10] or '0', session = v[11], order = v[12], tgt = v[13], requirement = v[14], rank = tonumber(v[15]),
    tried = v[16] or ' ', deadline = tonumber(v[17]), wait_until = tonumber(v[18] or 0), relaxed = v[19] == '1',
    pair = v[20], start = tonumber(v[21] or 0), hold = v[22] or '', waiting_since = tonumber(v[23] or now),
    token = v[24],
  }
end

local function read_job(id)
  return job_of(id, redis.call('HMGET', key('job', id), unpack(JOB_FIELDS)))
end

-- Reads with it what was answered to an attempt, and for which call its result counted. `well`: it went well, so only
-- what its end needs.
local function read_attempt(id, record, number, well)
  local v = redis.call('HMGET', record, 'verdict' .. number, 'counts' .. number,
    unpack(JOB_FIELDS, 1, well and FOR_ITS_END or #JOB_FIELDS))
  local verdict, counted = table.remove(v, 1), table.remove(v, 1)
  return job_of(id, v), verdict, counted
end

-- Fields that are to be written together with the next ones.
local function put_aside(job, ...)
  local fields = job.unwritten
  if not fields then
    job.unwritten = {...}
    return
  end
  for _, value in ipairs({...}) do
    fields[#fields + 1] = value
  end
end

local function write_job(job, ...)
  if not job.unwritten then
    return redis.call('HSET', key('job', job.id), ...)
  end
  put_aside(job, ...)
  redis.call('HSET', key('job', job.id), unpack(job.unwritten))
  job.unwritten = nil
end

local RUNNING = {assigned = true, dispatched = true, accepted = true, started = true}

-- A retry goes elsewhere: nodes already tried are excluded until that wish has lapsed.
local function excludes(job, node_id)
  return node_id == job.avoid or not job.relaxed and string.find(job.tried, ' ' .. node_id .. ' ', 1, true) ~= nil
end

local function watch_job(job, due)
  redis.call('ZADD', PREFIX .. 'deadlines', math.min(due, job.deadline), 'j|' .. job.id)
end

local function lease_member(job, slot)
  return job.id .. '|' .. job.attempt .. '|' .. slot
end

-- The attempt shows that it lives: it may go on for `ms`, but not beyond the utterance's time. `...` are fields of
-- its record that have changed besides.
local function renew_lease(job, ms, ...)
  local due = math.min(now + ms, job.deadline)
  for slot = 1, job.cost do
    redis.call('ZADD', key('leases', job.node), 'XX', due, lease_member(job, slot))
  end
  redis.call('HSET', key('job', job.id), 'renewed_ms', now, ...)
  watch_job(job, due)
end

local function drop_leases(job)
  for slot = 1, job.cost do
    redis.call('ZREM', key('leases', job.node), lease_member(job, slot))
  end
end

-- `soon_sent`: also of an attempt that is not noted as sent; who sends it notes that a moment later.
local function tell_cancel(job, reason, soon_sent)
  local owner = redis.call('HGET', key('node', job.node), 'owner')
  if owner and (soon_sent or job.state ~= 'assigned') then
    tell(owner, 'kind', 'cancel', 'job', job.id, 'attempt', job.attempt, 'node', job.node, 'reason', reason)
  end
end
