-- store_result: keep the client messages of one order number until its turn, and release them when it has come.
--
-- The first writer wins. A result whose turn it is, which most are, is not stored at all.
-- KEYS
--   1 cell     root hash of the cell
--   2 session  record of the session
--   3 ready    messages of this session and language that wait for their turn
-- ARGV
--   1 tgt      target language
--   2 order    order number
--   3 grouped  '1' when the result belongs to an utterance group (it has text)
--   4 speech   reference of the speech body, '' for none
--   5 events   JSON of the events sent before it, one a line
--   6 main     JSON of the result or its replacement
--   7 room     code of the room whose members listen, '' for none
--   8 id       session id
--   9 most     results released at most; 0 for none: then it is only kept
-- REPLY
--   {1, next order number to release, 1 if more is ready} | {0} its session is gone, or nothing was to be released
--   and the number has ended already
local cell = KEYS[1]
local KNOWN = {'out_entries', 'retention_ms', 'resume_ms', 'inbox_ms', 'group_ms', 'utterance_ms'}
--@include ground
--@include release
local turn, order, most = read_turn(KEYS[2], ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[9])
if not turn.owner or (order < turn.order and most == 0) then
  return {0}
elseif order < turn.order then
  return {1, turn.order, redis.call('HEXISTS', KEYS[3], turn.order)} -- a repeated call: it was released
end
local result = {ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]}
local stored, following = unpack(redis.call('HMGET', KEYS[3], order, order + 1))
if order == turn.order and most > 0 and not stored then
  local more = release_run(turn, ARGV[8], ARGV[1], KEYS[3], most, result, following)
  return {1, turn.order, more}
end
redis.call('HSETNX', KEYS[3], order, cmsgpack.pack(result))
redis.call('PEXPIRE', KEYS[3], limit('utterance_ms') + limit('retention_ms'))
local more = most > 0 and release_run(turn, ARGV[8], ARGV[1], KEYS[3], most) or 0
return {1, turn.order, more}
