-- detach_session: the socket is lost, not the session: results go on into its stream until it is resumed or lapses.
--
-- KEYS
--   1 cell        root hash of the cell
--   2 session     record of the session
--   3 out         its out stream
-- ARGV
--   1 socket      token of the lost socket; another one may hold the session by now
--   2 next_index  utterance index the session goes on with
--   3 audio_from  SEQ.OFFSET of the first byte of audio that no utterance has taken
-- REPLY
--   {1} | {0} not its socket
local cell = KEYS[1]
--@include ground
if redis.call('HGET', KEYS[2], 'socket') ~= ARGV[1] then
  return {0}
end
redis.call('HSET', KEYS[2], 'owner', '', 'next_index', ARGV[2], 'audio_from', ARGV[3])
redis.call('PEXPIRE', KEYS[2], limit('resume_ms'))
redis.call('PEXPIRE', KEYS[3], limit('resume_ms'))
return {1}
