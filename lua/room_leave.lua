-- room_leave: a session leaves a room; the last one out ends it.
--
-- KEYS
--   1 cell     root hash of the cell
-- ARGV
--   1 room     code of the room
--   2 session  session id
-- REPLY
--   {1} also when it was not in the room
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include rooms
leave_room(ARGV[1], ARGV[2])
return {1}
