-- keep_body: a body is kept beyond its utterance's time, with others of its kind under a budget of their own.
--
-- What is kept must not take the place of what people say now, so the budget is a part of that of all bodies.
-- KEYS
--   1 bodies    account: bytes in all and of those kept, and `clock` in tests
--   2 index     body name -> expiry (ms)
--   3 body      the body
-- ARGV
--   1 name      body name in the index
--   2 ttl_ms    how long it is kept from now on, ms
--   3 most      bytes that bodies which are kept may take together
-- REPLY
--   {1} | {0} it is gone, or there is no room
local name, bytes = ARGV[1], redis.call('STRLEN', KEYS[3])
if bytes == 0 then
  return {0}
elseif redis.call('HEXISTS', KEYS[1], 'k:' .. name) == 1 then
  return {1}
elseif tonumber(redis.call('HGET', KEYS[1], 'kept') or 0) + bytes > tonumber(ARGV[3]) then
  return {0}
end
local clock = redis.call('HGET', KEYS[1], 'clock')
local time = redis.call('TIME')
local now = tonumber(clock) or time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('PEXPIRE', KEYS[3], ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[2], name)
redis.call('HSET', KEYS[1], 'k:' .. name, 1)
redis.call('HINCRBY', KEYS[1], 'kept', bytes)
return {1}
