-- cancel: end a job by the client's or an operator's wish; its order number ends with it.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 job      record of the job
-- ARGV
--   1 job      job id
--   2 code     error code for the client
--   3 message  a sentence for the client
-- REPLY
--   {1, state} | {-6} unknown job
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include jobs
--@include waiting
--@include serve
--@include finish
if redis.call('EXISTS', KEYS[2]) == 0 then
  return {-6}
end
local job = read_job(ARGV[1])
if job.state == 'waiting' then
  dequeue(job)
  finish(job, 'cancelled', ARGV[2], ARGV[3])
elseif RUNNING[job.state] then
  tell_cancel(job, 'cancelled', true)
  finish(job, 'cancelled', ARGV[2], ARGV[3])
  local node = release_slot(job)
  if node then
    serve_and_tell(node)
  end
end
return {1, job.state}
