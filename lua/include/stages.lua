-- stages: an attempt gets on: dispatched, accepted, started, or some progress.
--@include jobs
local STAGES = {assigned = 0, dispatched = 1, accepted = 2, started = 3, progress = 0}

-- Stages only go forward; a stale attempt changes nothing. `said` is told to the session's instance, unless that is
-- the caller. Gives the job and that instance; false and a code where there is no such attempt.
local function advance(id, node, attempt, stage, token, caller, said)
  local job = read_job(id)
  if not job then
    return false, -6
  elseif job.node ~= node or tostring(job.attempt) ~= attempt or not RUNNING[job.state] then
    return false, -7
  end
  local owner = redis.call('HGET', key('session', job.session), 'owner') or ''
  if job.token == token then
    return job, owner
  end
  local changed = {'token', token}
  if STAGES[stage] > STAGES[job.state] then
    job.state = stage
    changed = {'token', token, 'state', stage, stage .. '_ms', now}
  end
  if stage == 'accepted' then
    redis.call('HSET', key('node', node), 'acks', '1')
  end
  -- Only a node that has shown it acknowledges is held to it.
  local silent = job.state == 'dispatched' and redis.call('HGET', key('node', node), 'acks') == '1'
  renew_lease(job, limit(silent and 'ack_ms' or 'attempt_ms'), unpack(changed))
  if said ~= '' and owner ~= caller then
    local say = stage == 'progress' and tell_partial or tell
    say(owner, 'kind', 'event', 'session', job.session, 'body', said)
  end
  return job, owner
end
