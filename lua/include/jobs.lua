-- jobs: reading job records, ending attempts, and telling the instance that holds the node's socket.
local JOB_FIELDS = {
  'state', 'session', 'order', 'tgt', 'requirement', 'rank', 'attempt', 'node', 'tried', 'cost', 'deadline_ms',
  'wait_until_ms', 'relaxed', 'shard', 'pair', 'tenant', 'start', 'hold', 'waiting_ms',
  'created_ms', 'assigned_ms', 'token', 'counted', 'audio_ms',
}

-- Of most jobs some of these are not written: what is taken here instead.
local function job_of(id, v)
  return v[1] and {
    id = id, state = v[1], session = v[2], order = v[3], tgt = v[4], requirement = v[5], rank = tonumber(v[6]),
    attempt = tonumber(v[7] or 0), node = v[8] or '', tried = v[9] or ' ', cost = tonumber(v[10] or 1),
    deadline = tonumber(v[11]), wait_until = tonumber(v[12] or 0), relaxed = v[13] == '1', shard = v[14], pair = v[15],
    tenant = v[16] or '', start = tonumber(v[17] or 0), hold = v[18] or '', waiting_since = tonumber(v[19] or now),
    created = tonumber(v[20]), assigned = tonumber(v[21] or now), token = v[22],
    counted = v[23], audio_ms = v[24] or '0',
  }
end

local function read_job(id)
  return job_of(id, redis.call('HMGET', key('job', id), unpack(JOB_FIELDS)))
end

-- Reads with it what was answered to an attempt, and for which call its result counted.
local function read_attempt(id, record, number)
  local v = redis.call('HMGET', record, 'verdict' .. number, 'counts' .. number, unpack(JOB_FIELDS))
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
