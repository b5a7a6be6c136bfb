-- room_create: open a room under the first of the proposed codes that is free; its maker is its first member.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 session   record of the session that makes it
-- ARGV
--   1 session   session id
--   2 instance  instance that asks; must own the session
--   3 room      id of the room, unique; a repeated call finds the room by it
--   4 name      display name of the maker, '' for none
--   5 lang      language it wants to hear (folded), '' for none
--   6.. codes   proposed codes
-- REPLY
--   {1, code} | {-5} unknown session | {-12} owned elsewhere | {-16, code} in a room already | {-19} none is free
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include rooms
local owner, current = unpack(redis.call('HMGET', KEYS[2], 'owner', 'room'))
if current and redis.call('HGET', key('room', current), 'id') == ARGV[3] then
  return {1, current}
end
if not owner then
  return {-5}
elseif owner ~= ARGV[2] then
  return {-12}
elseif current then
  return {-16, current}
end
for _, code in ipairs({unpack(ARGV, 6)}) do
  if redis.call('HSETNX', key('room', code), 'id', ARGV[3]) == 1 then
    redis.call('HSET', key('room', code), 'created_ms', now)
    local member = {name = ARGV[4], lang = ARGV[5], at = ARGV[2], joined = now, token = ARGV[3], prefs = {}}
    enter_room(code, ARGV[1], member)
    return {1, code}
  end
end
return {-19}
