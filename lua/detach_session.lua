-- detach_session: the socket is lost, not the session: results go on into its stream until it is resumed or lapses.
--
-- KEYS
--   1 cell        root hash of the cell
--   2 session     record of the session
--   3 out         its out stream
-- ARGV
--   1 session     session id
--   2 socket      token of the lost socket; another one may hold the session by now
--   3 next_index  utterance index the session goes on with
--   4 audio_from  SEQ.OFFSET of the first byte of audio that no utterance has taken
-- REPLY
--   {1} | {0} not its socket
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include holdings
local socket, owner, counted = unpack(redis.call('HMGET', KEYS[2], 'socket', 'owner', 'counted'))
if socket ~= ARGV[2] then
  return {0}
end
if counted then
  --@include tenant_sessions
  uncount_session(counted, ARGV[1])
end
let_session_go(owner, ARGV[1])
redis.call('HSET', KEYS[2], 'owner', '', 'next_index', ARGV[3], 'audio_from', ARGV[4])
redis.call('HDEL', KEYS[2], 'until_ms', 'out_until_ms')
redis.call('PEXPIRE', KEYS[2], limit('resume_ms'))
redis.call('PEXPIRE', KEYS[3], limit('resume_ms'))
return {1}
