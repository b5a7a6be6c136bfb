-- room_sweep: end rooms in which nobody spoke for long, and take out members whose session is gone.
--
-- A bounded batch: rooms are looked at from a rank on, and the next call goes on where this one stopped.
-- KEYS
--   1 cell       root hash of the cell
--   2 rooms      codes of the rooms by their last speech (ms)
-- ARGV
--   1 from       rank of the first room to look at
--   2 most       members to look at, at most, beyond those of one room
--   3 absent_ms  an instance that was not heard for so long holds nobody any more
-- REPLY
--   {1, rank of the next room to look at, 0 for the first again}
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include rooms
local EXPIRED_AT_ONCE = 2
local ROOMS_AT_ONCE = 64

local function expire(code)
  local at, sessions = {}, redis.call('HKEYS', key('roommembers', code))
  for _, session in ipairs(sessions) do
    local instance = read_member(code, session).at
    at[instance] = (at[instance] and at[instance] .. ' ' or '') .. session
  end
  local instances = instances_of(code)
  for _, session in ipairs(sessions) do
    take_out(code, session)
  end
  for _, instance in ipairs(instances) do
    tell(instance, 'kind', 'room_expired', 'room', code, 'sessions', at[instance])
  end
end

-- Of an instance that is not known, as after a flush, it is only sure that it was there when the member entered.
local heard = {}
local function is_absent(instance, patience, code, session)
  if heard[instance] == nil then
    heard[instance] = tonumber(redis.call('ZSCORE', PREFIX .. 'instances', instance)) or false
  end
  return now - (heard[instance] or read_member(code, session).joined) >= tonumber(ARGV[3]) + patience
end

-- A session whose socket is lost ('' owns it) lives as long as its client may come back; with an instance that
-- died, so long after that.
local function is_gone(code, session)
  local owner, closed, token = unpack(redis.call('HMGET', key('session', session), 'owner', 'closed', 'token'))
  if not owner or closed == '1' then
    return true
  end
  return owner ~= '' and is_absent(owner, (token or '') ~= '' and limit('resume_ms') or 0, code, session)
end

local function look_at(code)
  local sessions, changed = redis.call('HKEYS', key('roommembers', code)), false
  for _, session in ipairs(sessions) do
    if is_gone(code, session) then
      changed = take_out(code, session)
    end
  end
  if changed and redis.call('EXISTS', key('room', code)) == 1 then
    announce(code)
  end
  return #sessions
end

local idle = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - limit('room_idle_ms'), 'LIMIT', 0, EXPIRED_AT_ONCE)
for _, code in ipairs(idle) do
  expire(code)
end
local from, looked = tonumber(ARGV[1]), 0
local codes = redis.call('ZRANGE', KEYS[2], from, from + ROOMS_AT_ONCE - 1)
local ended = 0
for nth, code in ipairs(codes) do
  looked = looked + look_at(code)
  ended = ended + 1 - redis.call('EXISTS', key('room', code))
  if looked >= tonumber(ARGV[2]) then
    return {1, from + nth - ended}
  end
end
return {1, #codes == ROOMS_AT_ONCE and from + #codes - ended or 0}
