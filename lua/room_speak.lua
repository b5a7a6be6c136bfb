-- room_speak: a member speaks: note the life of the room, and give the languages the others want to hear.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 room     record of the room
-- ARGV
--   1 room     code of the room
--   2 session  member that speaks
-- REPLY
--   {1, language*} | {-15} not in such a room
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include rooms
local member = read_member(ARGV[1], ARGV[2])
if not member then
  return {-15}
end
redis.call('ZADD', PREFIX .. 'rooms', now, ARGV[1])
local reply = {1}
local fields = redis.call('HGETALL', KEYS[2])
for at = 1, #fields, 2 do
  local lang = string.match(fields[at], '^lang:(.+)$')
  if lang and tonumber(fields[at + 1]) > (lang == member.lang and 1 or 0) then
    reply[#reply + 1] = lang
  end
end
return reply
