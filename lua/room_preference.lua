-- room_preference: note whether a member wants to hear another one's own voice.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 members  members of the room
-- ARGV
--   1 room     code of the room
--   2 session  member that wishes
--   3 target   member it is about
--   4 wanted   '1' or '0'
-- REPLY
--   {1} also when the target is not in the room, which changes nothing | {-15} not in such a room
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include rooms
local PREFERENCES = 100 -- kept per member; beyond it, those that only say what holds anyway go
local code = ARGV[1]
local member = read_member(code, ARGV[2])
if not member then
  return {-15}
end
local wanted = ARGV[4] == '1'
if redis.call('HEXISTS', KEYS[2], ARGV[3]) == 0 or member.prefs[ARGV[3]] == wanted then
  return {1}
end

-- Of members that left, nothing is kept.
local kept, number = {}, 0
for target, said in pairs(member.prefs) do
  if redis.call('HEXISTS', KEYS[2], target) == 1 and (number < PREFERENCES or not said) then
    kept[target], number = said, number + 1
  end
end
kept[ARGV[3]] = wanted
member.prefs = kept
write_member(code, ARGV[2], member)
announce(code)
return {1}
