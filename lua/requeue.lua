-- requeue: the instance that should reach the node cannot; the attempt ends and the job goes elsewhere.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 job      record of the job
-- ARGV
--   1 job      job id
--   2 node     node of the attempt
--   3 attempt  attempt number
--   4 code     error code if no attempt is left
--   5 message  a sentence for the client
-- REPLY
--   {1, "retried 0" or "failed wake"} | {-6} unknown job | {-7} stale attempt
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include jobs
--@include retry
local job, given = read_attempt(ARGV[1], KEYS[2], ARGV[3])
if not job then
  return {-6}
end
if given and string.match(given, '^(%S+)') == ARGV[2] then
  return {1, string.match(given, '^%S+ (%S+ %S+)')}
elseif job.node ~= ARGV[2] or tostring(job.attempt) ~= ARGV[3] or not RUNNING[job.state] then
  return {-7}
end
job.state = 'assigned' -- whatever was noted: its node never heard of it, so there is nothing to cancel
return {1, with_wake(retry(job, ARGV[4], ARGV[5], false, 'unreached'), job, ARGV[3], ARGV[2])}
