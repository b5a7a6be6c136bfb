-- advance_attempt: an attempt was dispatched, accepted or started, or made progress; its lease is renewed.
--
-- Stages only go forward; a stale attempt changes nothing. An event for the client goes to the inbox of the
-- session's instance, unless that is the caller.
-- KEYS
--   1 cell      root hash of the cell
--   2 job       record of the job
-- ARGV
--   1 job       job id
--   2 node      node that works on it
--   3 attempt   attempt number
--   4 stage     dispatched | accepted | started | progress
--   5 token     unique per message, so that a repeated call tells nobody twice
--   6 instance  instance that asks
--   7 event     JSON messages for the client, '' for none
-- REPLY
--   {1, state, session, session's instance} | {-6} unknown job | {-7} stale attempt
local cell = KEYS[1]
--@include ground
--@include nodes
--@include jobs
local STAGES = {assigned = 0, dispatched = 1, accepted = 2, started = 3, progress = 0}

local job = read_job(ARGV[1])
if not job then
  return {-6}
elseif job.node ~= ARGV[2] or tostring(job.attempt) ~= ARGV[3] or not RUNNING[job.state] then
  return {-7}
end
local owner = redis.call('HGET', key('session', job.session), 'owner') or ''
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[5] then
  if STAGES[ARGV[4]] > STAGES[job.state] then
    job.state = ARGV[4]
    redis.call('HSET', KEYS[2], 'state', job.state, job.state .. '_ms', now)
  end
  redis.call('HSET', KEYS[2], 'token', ARGV[5])
  if ARGV[4] == 'accepted' then
    redis.call('HSET', key('node', job.node), 'acks', '1')
  end
  -- Only a node that has shown it acknowledges is held to it.
  local silent = job.state == 'dispatched' and redis.call('HGET', key('node', job.node), 'acks') == '1'
  renew_lease(job, limit(silent and 'ack_ms' or 'attempt_ms'))
  if ARGV[7] ~= '' and owner ~= ARGV[6] then
    local say = ARGV[4] == 'progress' and tell_partial or tell
    say(owner, 'kind', 'event', 'session', job.session, 'body', ARGV[7])
  end
end
return {1, job.state, job.session, owner}
