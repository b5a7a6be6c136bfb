-- put_body: store one audio or speech body under the byte budget and a time to live.
--
-- Lives on the payload server, which need not be the ledger's. Bodies that lapsed, and those that the caller is done
-- with, are taken off the account on the way: that costs little here, and a call of its own otherwise.
-- KEYS
--   1 bodies    account: total bytes, of them `total:a` audio, `total:s` speech and those kept; `clock` in tests
--   2 index     body name -> expiry (ms)
--   3 body      the body
--   4.. gone    bodies that are no longer needed
-- ARGV
--   1 name      body name in the index
--   2 data      base64 text as it goes on the wire
--   3 ttl_ms    time to live, ms
--   4 budget    bytes the bodies may take in all
--   5.. gone    names of those no longer needed
-- REPLY
--   {1} | {-11} over the budget
local LAPSED_AT_ONCE = 64
local account, index, own = KEYS[1], KEYS[2], ARGV[1]
local fields = {'clock', 'total', 'total:a', 'total:s', 'b:' .. own}
for at = 5, #ARGV do
  fields[#fields + 1], fields[#fields + 2] = 'b:' .. ARGV[at], 'k:' .. ARGV[at]
end
local found = redis.call('HMGET', account, unpack(fields))
local sums = {total = tonumber(found[2] or 0), ['total:a'] = tonumber(found[3] or 0),
  ['total:s'] = tonumber(found[4] or 0)}
local time = redis.call('TIME')
local now = tonumber(found[1]) or time[1] * 1000 + math.floor(time[2] / 1000)

local function add(sum, bytes)
  sums[sum] = (sums[sum] or tonumber(redis.call('HGET', account, sum) or 0)) + bytes
end

local off, names = {}, {} -- fields to be deleted from the account, and names from the index
local function take_off(name, bytes, kept)
  if bytes then
    add('total', -bytes)
    add('total:' .. string.sub(name, 1, 1), -bytes)
    off[#off + 1], off[#off + 2] = 'b:' .. name, 'k:' .. name
  end
  if bytes and kept then
    add('kept', -bytes)
  end
  names[#names + 1], names[name] = name, true
end

for at = 5, #ARGV do
  if not names[ARGV[at]] then
    take_off(ARGV[at], found[2 * at - 4], found[2 * at - 3])
  end
end
if KEYS[4] then
  redis.call('DEL', unpack(KEYS, 4))
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, LAPSED_AT_ONCE)) do
  if not names[name] then
    take_off(name, unpack(redis.call('HMGET', account, 'b:' .. name, 'k:' .. name)))
  end
end
local there = found[5] and redis.call('EXISTS', KEYS[3]) == 1
if found[5] and not there and not names[own] then
  take_off(own, found[5], redis.call('HGET', account, 'k:' .. own)) -- an earlier one of this name lapsed
end
if names[1] then
  redis.call('ZREM', index, unpack(names))
end
if off[1] then
  redis.call('HDEL', account, unpack(off))
end

local bytes = string.len(ARGV[2])
local fits = sums.total + bytes <= tonumber(ARGV[4])
local changed = {}
if fits and not there then
  redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
  redis.call('ZADD', index, now + ARGV[3], own)
  add('total', bytes)
  add('total:' .. string.sub(own, 1, 1), bytes)
  changed = {'b:' .. own, bytes}
end
for sum, amount in pairs(sums) do
  changed[#changed + 1], changed[#changed + 2] = sum, amount
end
redis.call('HSET', account, unpack(changed))
return {(fits or there) and 1 or -11}
