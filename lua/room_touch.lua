-- room_touch: an instance holds a member's socket, perhaps since a moment ago; its record is kept alive.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 session   record of the session
-- ARGV
--   1 room      code of the room
--   2 session   session id
--   3 instance  instance that holds the socket
-- REPLY
--   {1} | {0} not in such a room, or no longer
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include rooms
local member = read_member(ARGV[1], ARGV[2])
if not member then
  return {0}
end
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[3] then
  return {1} -- its client has come back elsewhere, which has said so or will
end
redis.call('PEXPIRE', KEYS[2], limit('session_ms'))
if member.at ~= ARGV[3] then
  count_member(ARGV[1], 'at:' .. member.at, -1)
  count_member(ARGV[1], 'at:' .. ARGV[3], 1)
  member.at = ARGV[3]
  write_member(ARGV[1], ARGV[2], member)
end
return {1}
