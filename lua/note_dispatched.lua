-- note_dispatched: attempts were sent to their nodes; each has its time from now on.
--
-- The same as `advance_attempt`, for all that were sent in one moment. A stale attempt changes nothing.
-- KEYS
--   1 cell       root hash of the cell
-- ARGV
--   1 instance   instance that sent them
--   2.. attempts job, node, attempt number, token and event of each
-- REPLY
--   {1}
local cell = KEYS[1]
local KNOWN = {'attempt_ms', 'ack_ms'}
--@include ground
--@include stages
for at = 2, #ARGV, 5 do
  advance(ARGV[at], ARGV[at + 1], ARGV[at + 2], 'dispatched', ARGV[at + 3], ARGV[1], ARGV[at + 4])
end
return {1}
