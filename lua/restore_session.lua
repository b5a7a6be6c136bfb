-- restore_session: bring a session's record up to what the owner of its socket knows, after the server may have lost writes.
--
-- The owner has seen replies and sent results that a crash took back. Numbers never go back: what it has taken from
-- the stream is not numbered again, what it has sent is not released again, and what it was promised and is not known
-- here any more ends with the message given for it, in its turn. A record that is not behind is left as it is.
-- KEYS
--   1 cell       root hash of the cell
--   2 session    record of the session
--   3 out        its out stream
-- ARGV
--   1 session    session id
--   2 instance   instance that holds the client's socket
--   3 socket     token of the socket
--   4 turn       how many sockets had held the session when this one took it, itself included
--   5 token      digest of the resume token, '' for none
--   6 profile    JSON of the session's opening
--   7 epoch      epoch of the cell in which the session was made
--   8 created    when it was made (ms): the first half of the ids in its stream
--   9 sent       number of the last entry that was taken from the stream
--   10 next      utterance index the session goes on with
--   11 audio     SEQ.OFFSET of the first byte of audio still wanted
--   12 known     JSON {language: [order numbers given, order numbers sent]}
--   13 running   JSON list of [language, order number, events, main]: accepted, not answered; and how to end it
--   14 call      names this call
--   15 tenant    whose session it is
--   16 limited   1 where the tenant may have so many sessions only: this one was let in
-- REPLY
--   {1, 1 if anything was behind, how many of running are lost} | {0} another socket holds it rightly
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include holdings
--@include out
local record = redis.call('HMGET', KEYS[2], 'socket', 'turn', 'created_ms', 'out_seq', 'next_index', 'restored', 'owner')
local socket, turn, created, owner = record[1], tonumber(record[2] or 0), record[3], record[7]
if record[6] and string.match(record[6], '^%S+') == ARGV[14] then
  local behind, lost = string.match(record[6], ' (%d+) (%d+)$')
  return {1, tonumber(behind), tonumber(lost)}
elseif socket and socket ~= ARGV[3] and turn >= tonumber(ARGV[4]) then
  return {0}
end
local behind, lost = false, 0
local sent, out_seq = tonumber(ARGV[9]), tonumber(record[4] or 0)
local known, running = cjson.decode(ARGV[12]), cjson.decode(ARGV[13])

local function set(...)
  redis.call('HSET', KEYS[2], ...)
  behind = true
end

-- A stream id, which a number of its own keeps exact.
local function id_of(number)
  return (created or ARGV[8]) .. '-' .. string.format('%d', number)
end

if socket ~= ARGV[3] then
  set('owner', ARGV[2], 'socket', ARGV[3], 'turn', ARGV[4], 'token', ARGV[5], 'profile', ARGV[6])
end
-- Given up, as its instance was taken for dead; or another one held it, as it seems without those writes.
if owner ~= ARGV[2] then
  set('owner', ARGV[2])
  redis.call('HDEL', KEYS[2], 'closed')
  let_session_go(owner or '', ARGV[1])
  hold_session(ARGV[2], ARGV[1], limit('session_ms'))
end
if ARGV[16] == '1' and (socket ~= ARGV[3] or owner ~= ARGV[2]) then
  --@include tenant_sessions
  count_session(ARGV[15], ARGV[1])
  set('counted', ARGV[15])
end
if not created then
  set('former', '', 'created_ms', ARGV[8], 'epoch', ARGV[7])
end

-- The refusal of what was sent whole leaves no mark but its entry.
local function stands(tgt, order)
  for _, entry in ipairs(redis.call('XRANGE', KEYS[3], '-', '+')) do
    local fields = {}
    for at = 1, #entry[2], 2 do
      fields[entry[2][at]] = entry[2][at + 1]
    end
    if fields.tgt == tgt and tonumber(fields.order) == order then
      return true
    end
  end
  return false
end

-- What ends a number that the ledger does not know any more; a refusal has a negative one and no turn.
local ends = {}
for _, item in ipairs(running) do
  local tgt, order = item[1], item[2]
  local given = tonumber(redis.call('HGET', KEYS[2], 'order:' .. tgt) or 0)
  if (order >= 0 and order >= given)
      or (order < 0 and -order > tonumber(record[5] or 0) and not stands(tgt, order)) then
    ends[#ends + 1] = item
  end
end

-- Entries of another count of numbers: the client has not had them, but takes their numbers for known ones.
local again = {}
for _, item in ipairs(running) do
  local released = tonumber(redis.call('HGET', KEYS[2], 'released:' .. item[1]) or 0)
  if item[2] >= 0 and item[2] < released then
    again[item[1] .. ' ' .. item[2]] = true
  end
end
local entries = next(again) and sent > 0 and redis.call('XRANGE', KEYS[3], '-', id_of(sent), 'COUNT', limit('out_entries') or 200) or {}

for tgt, numbers in pairs(known) do
  if numbers[1] > tonumber(redis.call('HGET', KEYS[2], 'order:' .. tgt) or 0) then
    set('order:' .. tgt, numbers[1])
  end
  if numbers[2] > tonumber(redis.call('HGET', KEYS[2], 'released:' .. tgt) or 0) then
    set('released:' .. tgt, numbers[2])
    redis.call('HDEL', KEYS[2], 'group:' .. tgt) -- its parts were counted further than this
  end
end
if sent > out_seq then
  -- What is older was delivered, or is gone: a client that lacks it is told so when it comes back.
  redis.call('XTRIM', KEYS[3], 'MINID', id_of(sent + 1))
  set('out_seq', sent)
end
if tonumber(ARGV[10]) > tonumber(record[5] or 0) then
  set('next_index', ARGV[10], 'audio_from', ARGV[11])
end

for _, entry in ipairs(entries) do
  local fields = {}
  for at = 1, #entry[2], 2 do
    fields[entry[2][at]] = entry[2][at + 1]
  end
  if fields.tgt and again[fields.tgt .. ' ' .. fields.order] then
    redis.call('XDEL', KEYS[3], entry[1])
    append_out(ARGV[1], unpack(entry[2]))
    behind = true
  end
end
for _, item in ipairs(ends) do
  local tgt, order, events, main = unpack(item)
  lost = lost + 1
  if order < 0 then
    append_out(ARGV[1], 'tgt', tgt, 'order', order, 'group', '', 'part', 0, 'speech', '', 'events', events, 'main', main)
  else
    local ready = key('ready', ARGV[1] .. ':' .. tgt)
    redis.call('HSETNX', ready, order, cmsgpack.pack({'0', '', events, main, ''}))
    redis.call('PEXPIRE', ready, limit('utterance_ms') + limit('retention_ms'))
  end
end
if behind or lost > 0 then
  set('restored', ARGV[14] .. ' 1 ' .. lost)
  redis.call('PEXPIRE', KEYS[2], limit('session_ms'))
  keep_stream(ARGV[1])
  hint_out(ARGV[1], ARGV[2], id_of(tonumber(redis.call('HGET', KEYS[2], 'out_seq') or 0)))
end
return {1, behind and 1 or 0, lost}
