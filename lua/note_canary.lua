-- note_canary: a node's answer to a recording whose text is known; counts its wrong ones in a row.
--
-- A node is proven wrong when somebody else was right since it began to fail: else the recording may be the fault.
-- KEYS
--   1 cell     root hash of the cell
--   2 record   what the node answered lately
--   3 right    when a node was right last (ms)
-- ARGV
--   1 job      job of the recording; a repeated call is known by it
--   2 verdict  right | wrong
--   3 kept_ms  how long it is remembered
-- REPLY
--   {1, wrong answers in a row, 1 if the node is proven wrong}
local cell, KNOWN = KEYS[1], {}
--@include ground
local job, wrong, since = unpack(redis.call('HMGET', KEYS[2], 'job', 'wrong', 'since_ms'))
wrong = tonumber(wrong or 0)
if job ~= ARGV[1] then
  if ARGV[2] == 'right' then
    wrong, since = 0, now
    redis.call('SET', KEYS[3], now, 'PX', ARGV[3])
  else
    since = wrong == 0 and now or since
    wrong = wrong + 1
  end
  redis.call('HSET', KEYS[2], 'job', ARGV[1], 'wrong', wrong, 'since_ms', since)
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local right = tonumber(redis.call('GET', KEYS[3]) or 0)
return {1, wrong, wrong > 0 and right >= tonumber(since) and 1 or 0}
