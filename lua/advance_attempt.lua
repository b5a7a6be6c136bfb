-- advance_attempt: an attempt was accepted or started, or made progress; its lease is renewed.
--
-- Stages only go forward; a stale attempt changes nothing. An event for the client goes to the inbox of the
-- session's instance, unless that is the caller.
-- KEYS
--   1 cell      root hash of the cell
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
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include stages
local job, owner = advance(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
return job and {1, job.state, job.session, owner} or {owner}
