-- out: the stream of what a session's client is sent. Wants `ground`.
--
-- Entry ids are `created_ms-N`: N counts 1, 2, 3 … from the session's record on, without a gap, so a client that
-- names the last one it has is told exactly what it missed. A record made anew has later ids than its forerunner.

-- Of its entries as many are kept as a client that comes back may have missed.
local function add_out(session, id, ...)
  return redis.call('XADD', key('out', session), 'MAXLEN', '~', limit('out_entries') or 200, id, ...)
end

-- Appends an entry to a session's stream and gives its id; false for a session that is gone.
local function append_out(session, ...)
  local record = key('session', session)
  local created = redis.call('HGET', record, 'created_ms')
  if not created then
    return false
  end
  return add_out(session, created .. '-' .. redis.call('HINCRBY', record, 'out_seq', 1), ...)
end

-- How long a stream, and what it refers to, outlive its last entry, ms.
local function out_lives()
  return math.max(limit('retention_ms'), limit('resume_ms'))
end

-- For twice as long, so that it need not be done for each entry: `out_until_ms` of the record says until when at least.
-- Who has it lapse sooner takes that field away.
local function keep_stream(session)
  redis.call('PEXPIRE', key('out', session), 2 * out_lives())
end

local function keep_record(record)
  if redis.call('PTTL', record) < out_lives() then
    redis.call('PEXPIRE', record, out_lives())
  end
end

-- Tells its owner how far the stream goes. `...` are fields of what it is told besides.
local function hint_out(session, owner, until_id, ...)
  tell(owner, 'kind', 'out', 'session', session, 'until', until_id, ...)
end
