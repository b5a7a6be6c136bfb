-- release_results: append the contiguous run of results to the session's out stream, stamped with their group.
--
-- The only place where order is made: by order number, per session and target language. A batch: asked again
-- it goes on where it stopped. A session that is gone gets nothing more. What was said in a room is kept once;
-- its speaker gets the events, and each member that listens in this language now a reference.
-- KEYS
--   1 cell     root hash of the cell
--   2 session  record of the session
--   3 ready    messages of this session and language that wait for their turn
-- ARGV
--   1 session  session id
--   2 tgt      target language
--   3 most     results at most
-- REPLY
--   {1, next order number to release, 1 if more is ready}
local cell = KEYS[1]
--@include ground
--@include out
local LISTENERS_AT_ONCE = 1000 -- bounds one script; the batch goes on after them
local GROUP_PARTS = 8
local tgt = ARGV[2]
local at = 'released:' .. tgt
local owner, released = unpack(redis.call('HMGET', KEYS[2], 'owner', at))
local order = tonumber(released or 0)
if not owner then
  return {1, order, 0}
end

-- Parts that follow each other within the window share a group, which is named after its first one.
local function stamp_group()
  local id, part, last, played, played_ms = unpack(redis.call('HMGET', KEYS[2], 'group:' .. tgt, 'part:' .. tgt,
    'part_ms:' .. tgt, 'played', 'played_ms'))
  if id and played and string.sub(played, 1, #id + 1) == id .. ' ' then
    last = math.max(tonumber(last), tonumber(played_ms))
  end
  part = tonumber(part or 0) + 1
  if not id or now - tonumber(last) > limit('group_ms') or part >= GROUP_PARTS then
    id, part = 'group_' .. ARGV[1] .. '_' .. tgt .. '_' .. order, 0
  end
  redis.call('HSET', KEYS[2], 'group:' .. tgt, id, 'part:' .. tgt, part, 'part_ms:' .. tgt, now)
  return id, part
end

local listeners, until_ids = 0, {} -- how far the stream of each listener goes, by the instance that holds it

local function give_reference(session, name)
  local record = key('session', session)
  local instance = redis.call('HGET', record, 'owner')
  local id = instance and append_out(session, 'ref', name)
  if id then
    redis.call('PEXPIRE', key('out', session), limit('retention_ms'))
    until_ids[instance] = until_ids[instance] or {}
    until_ids[instance][session] = id
    listeners = listeners + 1
  end
end

local function fan_out(room, group, part, speech, main)
  local sessions = redis.call('SMEMBERS', key('roomlang', room .. ':' .. tgt))
  if not sessions[1] then
    return
  end
  local name = ARGV[1] .. ':' .. tgt .. ':' .. order
  local message = key('roommsg', name)
  redis.call('HSET', message, 'tgt', tgt, 'order', order, 'group', group, 'part', part, 'speech', speech,
    'events', '[]', 'main', main)
  redis.call('PEXPIRE', message, limit('retention_ms'))
  for _, session in ipairs(sessions) do
    if session ~= ARGV[1] then
      give_reference(session, name)
    end
  end
end

-- One entry for each instance: what waits for how many of its sessions costs no more.
local function hint_listeners()
  for instance, ids in pairs(until_ids) do
    local words = {}
    for session, id in pairs(ids) do
      words[#words + 1] = session .. ' ' .. id
    end
    tell(instance, 'kind', 'outs', 'sessions', table.concat(words, ' '))
  end
end

local last
for _ = 1, tonumber(ARGV[3]) do
  local packed = redis.call('HGET', KEYS[3], order)
  if not packed or listeners >= LISTENERS_AT_ONCE then
    break
  end
  local grouped, speech, events, main, room = unpack(cmsgpack.unpack(packed))
  local group, part = '', 0
  if grouped == '1' then
    group, part = stamp_group()
  end
  if room and room ~= '' then
    fan_out(room, group, part, speech, main)
    group, part, speech, main = '', 0, '', ''
  end
  last = append_out(ARGV[1], 'tgt', tgt, 'order', order, 'group', group, 'part', part, 'speech', speech,
    'events', events, 'main', main)
  redis.call('HDEL', KEYS[3], order)
  order = order + 1
end
if last then
  redis.call('HSET', KEYS[2], at, order)
  hint_out(ARGV[1], owner, last)
  hint_listeners()
end
return {1, order, redis.call('HEXISTS', KEYS[3], order)}
