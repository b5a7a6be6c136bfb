-- release: the contiguous run of results goes to the session's out stream, stamped with their group.
--
-- The only place where order is made: by order number, per session and target language. A session that is gone
-- gets nothing more. What was said in a room is kept once; its speaker gets the events, and each member that
-- listens in this language now a reference.
--@include out
local LISTENERS_AT_ONCE = 1000 -- bounds one script; the batch goes on after them
local GROUP_PARTS = 8
local CARRIED_BYTES = 2048 -- of a result that goes to its session's instance as it is

-- What is known of a session and how far it is in a language, read at once.
local function read_turn(record, tgt)
  local v = redis.call('HMGET', record, 'owner', 'released:' .. tgt, 'created_ms', 'out_seq', 'group:' .. tgt,
    'part:' .. tgt, 'part_ms:' .. tgt, 'played', 'played_ms', 'until_ms', 'out_until_ms')
  return {owner = v[1], order = tonumber(v[2] or 0), created = v[3], out_seq = tonumber(v[4] or 0), group = v[5],
    part = tonumber(v[6] or 0), part_ms = tonumber(v[7]), played = v[8], played_ms = v[9], until_ms = tonumber(v[10] or 0),
    out_until_ms = tonumber(v[11] or 0)}
end

-- Parts that follow each other within the window share a group, which is named after its first one.
local function stamp_group(turn, session, tgt)
  local id, last = turn.group, turn.part_ms
  if id and turn.played and string.sub(turn.played, 1, #id + 1) == id .. ' ' then
    last = math.max(last, tonumber(turn.played_ms))
  end
  turn.part = turn.part + 1
  if not id or now - last > limit('group_ms') or turn.part >= GROUP_PARTS then
    turn.group, turn.part = 'group_' .. session .. '_' .. tgt .. '_' .. turn.order, 0
  end
  turn.part_ms = now
end

-- Gives each listener in a room a reference; `told` says how far their streams go, by the instance that holds them.
local function fan_out(turn, session, tgt, room, speech, main, group, part, told)
  local sessions = redis.call('SMEMBERS', key('roomlang', room .. ':' .. tgt))
  local name = session .. ':' .. tgt .. ':' .. turn.order
  local message = key('roommsg', name)
  if sessions[1] then
    redis.call('HSET', message, 'tgt', tgt, 'order', turn.order, 'group', group, 'part', part, 'speech', speech,
      'events', '', 'main', main)
    redis.call('PEXPIRE', message, out_lives())
  end
  local listeners = 0
  for _, listener in ipairs(sessions) do
    local instance = listener ~= session and redis.call('HGET', key('session', listener), 'owner')
    local id = instance and append_out(listener, 'ref', name)
    if id then
      keep_stream(listener)
      told[instance] = told[instance] or {}
      told[instance][listener] = id
      listeners = listeners + 1
    end
  end
  return listeners
end

-- One entry for each instance: what waits for how many of its sessions costs no more.
local function hint_listeners(told)
  for instance, ids in pairs(told) do
    local words = {}
    for session, id in pairs(ids) do
      words[#words + 1] = session .. ' ' .. id
    end
    tell(instance, 'kind', 'outs', 'sessions', table.concat(words, ' '))
  end
end

-- Releases `most` results at most. `result` is that of the next number where it was not stored in `ready`: its
-- grouped, speech, events, main and room; then `packed` is what is stored of the number behind it. Gives 1 if more is
-- ready.
local function release_run(turn, session, tgt, ready, most, result, packed)
  local record = key('session', session)
  local last, entry, is_short, listeners, told, released = nil, nil, false, 0, {}, 0
  while released < most and listeners < LISTENERS_AT_ONCE do
    if not result and packed == nil then
      packed = redis.call('HGET', ready, turn.order)
    end
    if not result and not packed then
      break
    end
    local grouped, speech, events, main, room = unpack(result or cmsgpack.unpack(packed))
    local group, part = '', 0
    if grouped == '1' then
      stamp_group(turn, session, tgt)
      group, part = turn.group, turn.part
    end
    if room and room ~= '' then
      listeners = listeners + fan_out(turn, session, tgt, room, speech, main, group, part, told)
      group, part, speech, main = '', 0, '', ''
    end
    turn.out_seq = turn.out_seq + 1
    last = turn.created .. '-' .. turn.out_seq
    entry = {'speech', speech, 'tgt', tgt, 'order', turn.order, 'group', group, 'part', part, 'events', events, 'main', main}
    is_short = #events + #main <= CARRIED_BYTES
    add_out(session, last, unpack(entry))
    if not result then
      redis.call('HDEL', ready, turn.order)
      packed = nil
    end
    result, turn.order, released = nil, turn.order + 1, released + 1
  end
  if last then
    local said = {'released:' .. tgt, turn.order, 'out_seq', turn.out_seq}
    if turn.until_ms - now < out_lives() then
      keep_record(record)
    end
    if turn.out_until_ms - now < out_lives() then
      keep_stream(session)
      said = {'out_until_ms', now + 2 * out_lives(), unpack(said)}
    end
    if turn.group then
      said = {'group:' .. tgt, turn.group, 'part:' .. tgt, turn.part, 'part_ms:' .. tgt, turn.part_ms, unpack(said)}
    end
    redis.call('HSET', record, unpack(said))
    -- One alone need not be looked up; of a longer one the speech can be fetched together with it.
    local is_whole = released == 1 and is_short
    hint_out(session, turn.owner, last, unpack(entry, 1, is_whole and #entry or 2))
    hint_listeners(told)
  end
  local stopped = released == most or listeners >= LISTENERS_AT_ONCE
  return stopped and redis.call('HEXISTS', ready, turn.order) or 0
end
