-- room_relay: hand a signal of one member to another, unless that one does not want to hear the first.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 session   record of the member it is for
--   3 mark      says that this signal was handed on already
-- ARGV
--   1 room      code of the room
--   2 from      member that sends it
--   3 to        member it is for
--   4 instance  instance that asks
--   5 signal    the text frame for the other member
-- REPLY
--   {1, instance that holds the other member's socket} the caller itself delivers what is for its own
--   {0} not for this member, not wanted, or its client is away
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include rooms
local MARK_MS = 10000 -- longer than any call is repeated
local target = read_member(ARGV[1], ARGV[3])
if not target or not read_member(ARGV[1], ARGV[2]) or target.prefs[ARGV[2]] == false then
  return {0}
end
local instance = redis.call('HGET', KEYS[2], 'owner')
if not instance or instance == '' then
  return {0}
end
if instance ~= ARGV[4] and redis.call('SET', KEYS[3], '1', 'NX', 'PX', MARK_MS) then
  tell(instance, 'kind', 'signal', 'session', ARGV[3], 'body', ARGV[5])
end
return {1, instance}
