-- keep_body: a body is kept beyond its utterance's time, with others of its kind under a budget of their own.
--
-- What is kept must not take the place of what people say now, so the budget is a part of that of all bodies.
-- KEYS
--   1 cell      root hash of the cell, which has the account of bodies; `clock` in tests
--   2 index     index of the bodies
--   3 body      the body
-- ARGV
--   1 name      its name
--   2 ttl_ms    how long it is kept from now on, ms
--   3 most      bytes that bodies which are kept may take together
-- REPLY
--   {1} | {0} it is gone, or there is no room
local cell = KEYS[1]
--@include bodies
local name, bytes = ARGV[1], redis.call('STRLEN', KEYS[3])
if bytes == 0 then
  return {0}
elseif redis.call('ZSCORE', KEYS[2], kept_entry_of(name, bytes)) then
  return {1}
elseif (limit('bodies:kept') or 0) + bytes > tonumber(ARGV[3]) then
  return {0}
end
redis.call('PEXPIRE', KEYS[3], ARGV[2])
if redis.call('ZREM', KEYS[2], entry_of(name, bytes)) == 0 then -- it was about to lapse
  count('bodies', bytes)
  count(kind_of(name), bytes)
end
redis.call('ZADD', KEYS[2], read_moment() + ARGV[2], kept_entry_of(name, bytes))
count('bodies:kept', bytes)
return {1}
