-- reconcile: what a node says it runs against what the ledger gave it, both ways; the differences are counted.
--@include jobs
--@include retry

-- What a node lists it still works on, also in a long step that shows nothing, so its time begins anew. If it was
-- not noted as sent, whoever sent it died before that.
local function note_listed(job)
  if job.state == 'assigned' then
    job.state = 'dispatched'
    redis.call('HSET', key('job', job.id), 'state', 'dispatched', 'dispatched_ms', now)
  end
  renew_lease(job, limit('attempt_ms'))
end

-- Renews the attempts a node lists that are its own. Others it aborts: they would take slots from new work. One whose
-- verdict the ledger has is left alone when it is `old_news`: its answer may just have crossed this list. Gives the
-- places of those to abort in the list, since what a node lists may be any text.
local function take_list(id, listed, old_news)
  local aborts = ''
  for at, attempt in ipairs(listed) do
    local job_id, number = string.match(attempt, '^(.*)|(.-)$')
    local job = read_job(job_id)
    local own = job and job.node == id and tostring(job.attempt) == number and RUNNING[job.state]
    if own then
      note_listed(job)
    elseif not (old_news and redis.call('HEXISTS', key('job', job_id), 'verdict' .. number) == 1) then
      aborts = aborts .. at .. ' '
      count('n_unknown_reported')
    end
  end
  return aborts
end

-- Attempts sent to the node, at least `patience` ms ago, that it does not run: ids of their jobs by lease. A job of
-- several slots is there as often.
local function lost_of(id, listed, patience)
  local lost = {}
  for _, member in ipairs(redis.call('ZRANGE', key('leases', id), 0, -1)) do
    local job_id, number = string.match(member, '^(.*)|(%d+)|%d+$')
    local job = not listed[job_id .. '|' .. number] and read_job(job_id)
    local sent = job and job.node == id and tostring(job.attempt) == number and RUNNING[job.state]
      and job.state ~= 'assigned'
    if sent and now - redis.call('HGET', key('job', job_id), 'assigned_ms') >= patience then
      lost[#lost + 1] = job_id
    end
  end
  return lost
end

-- They go elsewhere.
local function retry_lost(id, lost, message)
  for _, job_id in ipairs(lost) do
    local job = read_job(job_id)
    if job and job.node == id and RUNNING[job.state] and job.state ~= 'assigned' then
      count('n_lost_reported')
      retry(job, 'WS_DISCONNECTED', message, true, 'forgotten')
    end
  end
end

-- The attempts listed in a script's arguments from `first` on: in order, and each as a key.
local function listed_from(arguments, first)
  local listed = {}
  for at = first, #arguments do
    listed[#listed + 1] = arguments[at]
    listed[arguments[at]] = true
  end
  return listed
end
