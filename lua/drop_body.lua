-- drop_body: bodies are no longer needed, or not for long; then their bytes go back to the budget.
--
-- KEYS
--   1 bodies    account: bytes in all, of them `total:a` audio, `total:s` speech and those kept; `clock` in tests
--   2 index     body name -> expiry (ms)
--   3.. body    the bodies
-- ARGV
--   1 after_ms  how long they are still kept, 0 for not at all
--   2.. name    body names in the index
-- REPLY
--   {1}
--@include bodies
local moment = read_moment(KEYS[1])
write_off_lapsed(KEYS[1], KEYS[2], moment)
if tonumber(ARGV[1]) == 0 then
  redis.call('DEL', unpack(KEYS, 3))
  write_off(KEYS[1], KEYS[2], {unpack(ARGV, 2)})
  return {1}
end
local until_ms = moment + ARGV[1]
for at = 3, #KEYS do
  if redis.call('PEXPIRE', KEYS[at], ARGV[1]) == 1 then
    redis.call('ZADD', KEYS[2], 'XX', until_ms, ARGV[at - 1])
  end
end
return {1}
