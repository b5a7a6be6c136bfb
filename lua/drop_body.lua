-- drop_body: bodies are no longer needed, or not for long; then their bytes go back to the budget.
--
-- KEYS
--   1 cell      root hash of the cell, which has the account of bodies; `clock` in tests
--   2 index     index of the bodies
--   3.. body    the bodies
-- ARGV
--   1 after_ms  how long they are still kept, 0 for not at all
--   2.. name    their names
-- REPLY
--   {1}
local cell = KEYS[1]
--@include bodies
local moment = read_moment()
write_off_lapsed(KEYS[2], moment)
local bodies = {unpack(KEYS, 3)}
local entries = entries_of(KEYS[2], {unpack(ARGV, 2)}, bodies)
if tonumber(ARGV[1]) == 0 then
  redis.call('DEL', unpack(bodies))
  if entries[1] then
    write_off(KEYS[2], entries)
  end
  return {1}
end
for _, body in ipairs(bodies) do
  redis.call('PEXPIRE', body, ARGV[1])
end
for _, entry in ipairs(entries) do
  redis.call('ZADD', KEYS[2], 'XX', moment + ARGV[1], entry)
end
return {1}
