-- put_body: store one audio or speech body under the byte budget and a time to live.
--
-- Lives on the payload server, which need not be the ledger's. Lapsed bodies are taken off the account here.
-- KEYS
--   1 bodies    account: total bytes, of them `total:a` audio, `total:s` speech and those kept; `clock` in tests
--   2 index     body name -> expiry (ms)
--   3 body      the body
-- ARGV
--   1 name      body name in the index
--   2 data      base64 text as it goes on the wire
--   3 ttl_ms    time to live, ms
--   4 budget    bytes the bodies may take in all
-- REPLY
--   {1} | {-11} over the budget
local LAPSED_AT_ONCE = 64
local clock, total, former =
  unpack(redis.call('HMGET', KEYS[1], 'clock', 'total', 'b:' .. ARGV[1]))
local time = redis.call('TIME')
local now = tonumber(clock) or time[1] * 1000 + math.floor(time[2] / 1000)

local function forget(name)
  local bytes = redis.call('HGET', KEYS[1], 'b:' .. name)
  if bytes then
    redis.call('HINCRBY', KEYS[1], 'total', -tonumber(bytes))
    redis.call('HINCRBY', KEYS[1], 'total:' .. string.sub(name, 1, 1), -tonumber(bytes))
    if redis.call('HDEL', KEYS[1], 'b:' .. name, 'k:' .. name) == 2 then -- one that was kept
      redis.call('HINCRBY', KEYS[1], 'kept', -tonumber(bytes))
    end
  end
  redis.call('ZREM', KEYS[2], name)
end

local lapsed = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, LAPSED_AT_ONCE)
for _, name in ipairs(lapsed) do
  forget(name)
end
if former and redis.call('EXISTS', KEYS[3]) == 1 then
  return {1}
elseif former then
  forget(ARGV[1]) -- an earlier body of this name lapsed and is still on the account
end
if former or lapsed[1] then
  total = redis.call('HGET', KEYS[1], 'total')
end
local bytes = string.len(ARGV[2])
if tonumber(total or 0) + bytes > tonumber(ARGV[4]) then
  return {-11}
end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[1], 'b:' .. ARGV[1], bytes)
redis.call('HINCRBY', KEYS[1], 'total', bytes)
redis.call('HINCRBY', KEYS[1], 'total:' .. string.sub(ARGV[1], 1, 1), bytes)
return {1}
