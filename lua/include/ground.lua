-- ground: key prefix, time, limits, counters and inboxes; every other include stands on it. Wants `cell`, and in
-- `KNOWN` the fields of the cell that the script is going to need.
local PREFIX = string.sub(cell, 1, -5)

local function key(kind, id)
  return PREFIX .. kind .. ':' .. id
end

-- A cell without an epoch was flushed or never opened: the caller opens it and asks again. One whose keys have
-- another layout than these scripts know is left alone (`SCHEMA` in scheduling/keys.py).
local SCHEMA = '1'
local head = redis.call('HMGET', cell, 'clock', 'epoch', 'schema', unpack(KNOWN))
local clock, epoch, schema = unpack(head, 1, 3)
if not epoch then
  return {-1}
elseif schema ~= SCHEMA then
  return {-13, schema}
end

-- Redis TIME is the clock of truth; simulation and tests set `clock` (ms) instead.
local now = tonumber(clock)
if not clock then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- What the script is going to need was read in the first call.
--@include counters
for at, name in ipairs(KNOWN) do
  limits[name] = head[3 + at]
end

-- An inbox is read at once; a long one belongs to an instance that stalls. Then what is out of date in a moment is
-- left out first. Everything else is written, and made up for should the bound ever cut it off: results stand in
-- their streams, which are looked at, assignments in their jobs' records, which have deadlines.
local INBOX_LENGTH, PARTIALS_LENGTH = 10000, 1000

-- Its instance keeps the inbox from lapsing (`touch_instance`).
local function tell(instance, ...)
  if instance == '' then
    return
  end
  local inbox = key('inbox', instance)
  if not redis.call('XADD', inbox, 'NOMKSTREAM', 'MAXLEN', '~', INBOX_LENGTH, '*', ...) then
    redis.call('XADD', inbox, '*', ...)
    redis.call('PEXPIRE', inbox, limit('inbox_ms'))
  end
end

-- For what was recognised so far of an utterance: the next one says it again, and more.
local function tell_partial(instance, ...)
  if instance ~= '' and redis.call('XLEN', key('inbox', instance)) < PARTIALS_LENGTH then
    tell(instance, ...)
  end
end
