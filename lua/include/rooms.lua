-- rooms: who is in a room, in which language and on which instance; a change is told once per instance.

-- What is kept of a member is JSON: name, lang, at (instance), joined (ms), token, prefs (session -> bool).
local function read_member(code, session)
  local packed = redis.call('HGET', key('roommembers', code), session)
  return packed and cjson.decode(packed)
end

local function write_member(code, session, member)
  redis.call('HSET', key('roommembers', code), session, cjson.encode(member))
end

local function count_member(code, field, by)
  if redis.call('HINCRBY', key('room', code), field, by) == 0 then
    redis.call('HDEL', key('room', code), field)
  end
end

-- The instances that hold members; as many fields as a room has instances and languages.
local function instances_of(code)
  local fields, found = redis.call('HKEYS', key('room', code)), {}
  for _, field in ipairs(fields) do
    found[#found + 1] = string.match(field, '^at:(.+)$')
  end
  return found
end

-- A hint only: whoever reads it looks at the members as they are then, for many changes at once.
local function announce(code)
  redis.call('HINCRBY', key('room', code), 'version', 1)
  for _, instance in ipairs(instances_of(code)) do
    tell(instance, 'kind', 'room', 'room', code)
  end
end

local function enter_room(code, session, member)
  write_member(code, session, member)
  redis.call('HSET', key('session', session), 'room', code)
  count_member(code, 'at:' .. member.at, 1)
  if member.lang ~= '' then
    redis.call('SADD', key('roomlang', code .. ':' .. member.lang), session)
    count_member(code, 'lang:' .. member.lang, 1)
  end
  redis.call('ZADD', PREFIX .. 'rooms', now, code)
  announce(code)
end

-- Takes a member out, telling nobody; the last one out takes the room along. Gives whether it was in it.
local function take_out(code, session)
  local member = read_member(code, session)
  if not member then
    return false
  end
  redis.call('HDEL', key('roommembers', code), session)
  if redis.call('HGET', key('session', session), 'room') == code then
    redis.call('HDEL', key('session', session), 'room')
  end
  count_member(code, 'at:' .. member.at, -1)
  if member.lang ~= '' then
    redis.call('SREM', key('roomlang', code .. ':' .. member.lang), session)
    count_member(code, 'lang:' .. member.lang, -1)
  end
  if redis.call('EXISTS', key('roommembers', code)) == 0 then
    redis.call('DEL', key('room', code))
    redis.call('ZREM', PREFIX .. 'rooms', code)
  end
  return true
end

-- Leaving a room one is not in does nothing.
local function leave_room(code, session)
  if take_out(code, session) and redis.call('EXISTS', key('room', code)) == 1 then
    announce(code)
  end
end
