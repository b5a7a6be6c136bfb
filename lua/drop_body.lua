-- drop_body: a body is no longer needed, or not for long; then its bytes go back to the budget.
--
-- KEYS
--   1 bodies    account: total bytes, of them `total:a` audio, `total:s` speech and those kept; `clock` in tests
--   2 index     body name -> expiry (ms)
--   3 body      the body
-- ARGV
--   1 name      body name in the index
--   2 after_ms  how long it is still kept, 0 for not at all
-- REPLY
--   {1}
if tonumber(ARGV[2]) > 0 then
  if redis.call('PEXPIRE', KEYS[3], ARGV[2]) == 1 then
    local clock = redis.call('HGET', KEYS[1], 'clock')
    local time = redis.call('TIME')
    local now = tonumber(clock) or time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('ZADD', KEYS[2], 'XX', now + ARGV[2], ARGV[1])
  end
  return {1}
end
local bytes = redis.call('HGET', KEYS[1], 'b:' .. ARGV[1])
if bytes then
  redis.call('HINCRBY', KEYS[1], 'total', -tonumber(bytes))
  redis.call('HINCRBY', KEYS[1], 'total:' .. string.sub(ARGV[1], 1, 1), -tonumber(bytes))
  if redis.call('HDEL', KEYS[1], 'b:' .. ARGV[1], 'k:' .. ARGV[1]) == 2 then -- one that was kept
    redis.call('HINCRBY', KEYS[1], 'kept', -tonumber(bytes))
  end
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return {1}
