-- release_results: append the contiguous run of results to the session's out stream, stamped with their group.
--
-- The only place where order is made: by order number, per session and target language.
-- KEYS
--   1 cell     root hash of the cell
--   2 session  record of the session
--   3 ready    messages of this session and language that wait for their turn
--   4 out      out stream of the session
-- ARGV
--   1 session  session id
--   2 tgt      target language
--   3 most     results at most
-- REPLY
--   {1, next order number to release, 1 if more is ready}
local cell = KEYS[1]
--@include ground
--@include jobs
local OUT_LENGTH = 1000 -- results kept for a client that comes back
local GROUP_PARTS = 8
local at = 'released:' .. ARGV[2]
local order = tonumber(redis.call('HGET', KEYS[2], at) or 0)

-- Parts that follow each other within the window share a group.
local function stamp_group()
  local id, part, last = unpack(redis.call('HMGET', KEYS[2], 'group', 'group_part', 'group_ms'))
  part = tonumber(part or 0) + 1
  if not id or now - tonumber(last) > limit('group_ms') or part >= GROUP_PARTS then
    id, part = 'group_' .. ARGV[1] .. '_' .. now, 0
  end
  redis.call('HSET', KEYS[2], 'group', id, 'group_part', part, 'group_ms', now)
  return id, part
end

local last
for _ = 1, tonumber(ARGV[3]) do
  local packed = redis.call('HGET', KEYS[3], order)
  if not packed then
    break
  end
  local grouped, speech, events, main = unpack(cmsgpack.unpack(packed))
  local group, part = '', 0
  if grouped == '1' then
    group, part = stamp_group()
  end
  last = redis.call('XADD', KEYS[4], 'MAXLEN', '~', OUT_LENGTH, '*', 'tgt', ARGV[2], 'order', order, 'group', group,
    'part', part, 'speech', speech, 'events', events, 'main', main)
  redis.call('HDEL', KEYS[3], order)
  order = order + 1
end
if last then
  local owner, lives = redis.call('HGET', KEYS[2], 'owner'), redis.call('PTTL', KEYS[2])
  redis.call('HSET', KEYS[2], at, order)
  redis.call('PEXPIRE', KEYS[2], math.max(lives, limit('retention_ms')))
  redis.call('PEXPIRE', KEYS[4], limit('retention_ms'))
  if owner then
    tell(owner, 'kind', 'out', 'session', ARGV[1], 'until', last)
  end
end
return {1, order, redis.call('HEXISTS', KEYS[3], order)}
