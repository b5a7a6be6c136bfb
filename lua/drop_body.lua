-- drop_body: a body is no longer needed; its bytes go back to the budget.
--
-- KEYS
--   1 bodies  account: total bytes
--   2 index   body name -> expiry (ms)
--   3 body    the body
-- ARGV
--   1 name    body name in the index
-- REPLY
--   {1}
local bytes = redis.call('HGET', KEYS[1], 'b:' .. ARGV[1])
if bytes then
  redis.call('HINCRBY', KEYS[1], 'total', -tonumber(bytes))
  redis.call('HDEL', KEYS[1], 'b:' .. ARGV[1])
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return {1}
