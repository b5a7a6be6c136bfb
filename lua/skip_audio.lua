-- skip_audio: an utterance was refused; a client that comes back is not to say it again unasked.
--
-- KEYS
--   1 cell        root hash of the cell
--   2 session     record of the session
-- ARGV
--   1 socket      token of the socket; another one may hold the session by now
--   2 next_index  utterance index the session goes on with
--   3 audio_from  SEQ.OFFSET of the first byte of audio that no utterance has taken
-- REPLY
--   {1} | {0} not its socket
local cell = KEYS[1]
--@include ground
if redis.call('HGET', KEYS[2], 'socket') ~= ARGV[1] then
  return {0}
end
redis.call('HSET', KEYS[2], 'next_index', ARGV[2], 'audio_from', ARGV[3])
return {1}
