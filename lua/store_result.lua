-- store_result: keep the client messages of one order number until its turn; the first writer wins.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 session  record of the session
--   3 ready    messages of this session and language that wait for their turn
-- ARGV
--   1 tgt      target language
--   2 order    order number
--   3 grouped  '1' when the result belongs to an utterance group (it has text)
--   4 speech   reference of the speech body, '' for none
--   5 events   JSON list of events sent before it
--   6 main     JSON of the result or its replacement
--   7 room     code of the room whose members listen, '' for none
-- REPLY
--   {1} | {0} this number has ended already, or its session
local cell = KEYS[1]
--@include ground
local owner, released = unpack(redis.call('HMGET', KEYS[2], 'owner', 'released:' .. ARGV[1]))
if not owner or tonumber(ARGV[2]) < tonumber(released or 0) then
  return {0}
end
redis.call('HSETNX', KEYS[3], ARGV[2], cmsgpack.pack({ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]}))
redis.call('PEXPIRE', KEYS[3], limit('utterance_ms') + limit('retention_ms'))
return {1}
