-- note_play: the client has played the speech of a group; the group's window counts from now.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 session  record of the session
-- ARGV
--   1 group    id of the group
--   2 ended    when it ended by the client's clock, so that a repeated call changes nothing
-- REPLY
--   {1} | {0} no such session
local cell, KNOWN = KEYS[1], {}
--@include ground
local owner, played = unpack(redis.call('HMGET', KEYS[2], 'owner', 'played'))
if not owner then
  return {0}
end
local said = ARGV[1] .. ' ' .. ARGV[2]
if played ~= said then
  redis.call('HSET', KEYS[2], 'played', said, 'played_ms', now)
end
return {1}
