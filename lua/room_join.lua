-- room_join: enter a room.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 members   members of the room
-- ARGV
--   1 room      code of the room
--   2 session   session id
--   3 instance  instance that asks; must own the session
--   4 token     unique for each wish to join; a repeated call is known by it
--   5 name      display name, '' for none
--   6 lang      language it wants to hear (folded), '' for none
-- REPLY
--   {1} | {-5} unknown session | {-12} owned elsewhere | {-15} no such room | {-16, code} in a room already
--   {-17} as many members as may | {-18} as many languages as may
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include rooms
local code, lang = ARGV[1], ARGV[6]
local known = read_member(code, ARGV[2])
if known and known.token == ARGV[4] then
  return {1}
end
local owner, current = unpack(redis.call('HMGET', key('session', ARGV[2]), 'owner', 'room'))
if not owner then
  return {-5}
elseif owner ~= ARGV[3] then
  return {-12}
elseif current then
  return {-16, current}
elseif redis.call('EXISTS', key('room', code)) == 0 then
  return {-15}
elseif redis.call('HLEN', KEYS[2]) >= limit('room_members') then
  return {-17}
end

local function languages()
  local number = 0
  for _, field in ipairs(redis.call('HKEYS', key('room', code))) do
    number = number + (string.sub(field, 1, 5) == 'lang:' and 1 or 0)
  end
  return number
end

if lang ~= '' and redis.call('HEXISTS', key('room', code), 'lang:' .. lang) == 0
  and languages() >= limit('room_languages') then
  return {-18}
end
enter_room(code, ARGV[2], {name = ARGV[5], lang = lang, at = ARGV[3], joined = now, token = ARGV[4], prefs = {}})
return {1}
