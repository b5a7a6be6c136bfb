-- complete: the node that holds the attempt delivers its verdict; the slot goes on in the same step.
--
-- A verdict given twice gets the first answer again. A late, foreign or unknown one changes nothing.
-- KEYS
--   1 cell      root hash of the cell
--   2 job       record of the job
--   3 index     index of the bodies
--   4 body      where the speech goes
-- ARGV
--   1 job       job id
--   2 node      node that speaks
--   3 attempt   attempt number
--   4 verdict   ok | retry (another node can cure it) | fail
--   5 code      error code, '' when ok
--   6 message   a sentence for the client, '' when ok
--   7 result    JSON of the result without its speech
--   8 speech    reference of the stored speech, '' for none
--   9 instance  instance that asks
--   10 data     speech as base64, '' where bodies have a server of their own
--   11 ttl_ms   how long it is kept at most, ms
--   12 budget   bytes that bodies may take in all
--   13 call     names this call, for a result that is counted as usage; '' where none is
-- REPLY
--   {1, "state wake [job attempt]*", counts, tenant, audio ms, [of each job: `handing`]*} the jobs handed to the node
--   when the caller owns its socket, who is to send them; counts is 1 for the call that a result counts for, once
--   {-6} unknown job | {-7} stale attempt
local cell = KEYS[1]
local KNOWN = {
  'waiting', 'ended_ms', 'gap_ms', 'session_ms', 'wake_ms', 'n_done', 'slots_used', 'bodies', 'bodies:s',
}
--@include ground
--@include deferred
--@include jobs
--@include finish
--@include nodes
--@include admit
--@include serve
--@include due
--@include bodies

-- What the caller is told. Jobs that it was handed are `dispatched`: it holds their node's socket.
local function told(words, counts, job)
  local reply = {1, words, counts and 1 or 0, counts and job.tenant or '', counts and tonumber(job.audio_ms) or 0}
  if string.find(words, '^%S+ %S+ ') then
    --@include handing
    add_handed(reply, words, ARGV[2], ARGV[9])
  end
  return ended(reply)
end

local job, given, counted = read_attempt(ARGV[1], KEYS[2], ARGV[3], ARGV[4] == 'ok')
if not job then
  return {-6}
end
if given then
  local by, words = string.match(given, '^(%S+) (.*)$')
  -- An attempt that was ended otherwise (its lease ran out) can no longer succeed.
  if by ~= ARGV[2] or (ARGV[4] == 'ok' and string.sub(words, 1, 4) ~= 'done') then
    return {-7}
  end
  return told(words, ARGV[13] ~= '' and counted == ARGV[13], job)
elseif job.node ~= ARGV[2] or tostring(job.attempt) ~= ARGV[3] or not RUNNING[job.state] then
  return {-7}
end

-- How fast the queue drains, for the estimate in a refusal.
if limit('waiting') ~= 0 then
  local since = math.min(now - (limit('ended_ms') or now), 10000)
  redis.call('HSET', cell, 'ended_ms', now, 'gap_ms', math.floor((limit('gap_ms') or 100) * 0.9 + since * 0.1))
end

-- Another node can cure it: gives what became of the job.
local function send_elsewhere()
  --@include retry
  return with_wake(retry(job, ARGV[5], ARGV[6], true, NO_STRIKE[ARGV[5]] and 'declined' or 'answered'), job, ARGV[3], ARGV[2])
end

-- Without room for its speech a result goes alone. Of a failure there is one too: its details go to the client.
local spoken = ARGV[10] == ''
  or store_body(KEYS[3], KEYS[4], ARGV[8], ARGV[10], ARGV[11], ARGV[12], now)
job.unwritten = {'result', ARGV[7], 'speech', spoken and ARGV[8] or ''}
if ARGV[4] == 'retry' then
  write_job(job)
  local words = send_elsewhere()
  settle(4)
  return told(words)
end
local state = ARGV[4] == 'ok' and 'done' or 'failed'
finish(job, state, ARGV[5], ARGV[6], true)
local words = state .. ' ' .. wake(job.shard)
local node = release_slot(job)
local handed = {}
if node then
  node.asks = ARGV[9]
end
if node and state == 'done' then
  note_work(job, node)
  clear_strikes(node)
  handed = serve_node(node, 'done', node.done + 1)
elseif node then
  note_work(job, node)
  redis.call('HINCRBY', key('node', node.id), state, 1)
  handed = serve_node(node)
end
for _, next_job in ipairs(handed) do
  if node.owner == ARGV[9] then
    words = words .. ' ' .. next_job.id .. ' ' .. next_job.attempt
  else
    tell_dispatch(next_job, node)
  end
end
local counts = ARGV[13] ~= '' and state == 'done'
if counts then
  put_aside(job, 'counts' .. ARGV[3], ARGV[13])
end
write_job(job, 'verdict' .. ARGV[3], ARGV[2] .. ' ' .. words)
settle(4)
return told(words, counts, job)
