-- refuse_utterance: what was said is not accepted; a client that comes back still learns so, once.
--
-- It takes no order number of the results' (its entry has a negative one), so nobody waits for it.
-- KEYS
--   1 cell        root hash of the cell
--   2 session     record of the session
--   3 request     binding of the request id of what was sent whole
-- ARGV
--   1 session     session id
--   2 socket      token of the socket; another one may hold the session by now
--   3 next_index  utterance index the session goes on with
--   4 audio_from  SEQ.OFFSET of the first byte of audio still wanted, '' for what was sent whole
--   5 tgt         target language
--   6 events      JSON of the events sent before its end, one a line
--   7 main        JSON of what stands for the result
--   8 token       unique per refusal of what was sent whole, so that a repeated call tells nobody twice
-- REPLY
--   {1} | {0} not its socket, or accepted after all: its end is not told here
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include out
local whole = ARGV[4] == ''
local socket, owner, next_index, refused =
  unpack(redis.call('HMGET', KEYS[2], 'socket', 'owner', 'next_index', whole and 'refused_whole' or 'refused'))
if socket ~= ARGV[2] then
  return {0}
elseif refused == (whole and ARGV[8] or ARGV[3]) then
  return {1}
elseif whole and redis.call('EXISTS', KEYS[3]) == 1 or not whole and tonumber(next_index or 0) >= tonumber(ARGV[3]) then
  return {0}
elseif whole then
  redis.call('HSET', KEYS[2], 'refused_whole', ARGV[8])
else
  redis.call('HSET', KEYS[2], 'next_index', ARGV[3], 'audio_from', ARGV[4], 'refused', ARGV[3])
end
local id = append_out(ARGV[1], 'tgt', ARGV[5], 'order', -ARGV[3], 'group', '', 'part', 0, 'speech', '',
  'events', ARGV[6], 'main', ARGV[7])
keep_record(key('session', ARGV[1]))
keep_stream(ARGV[1])
hint_out(ARGV[1], owner, id)
return {1}
