-- note_canary: a node's answer to a recording whose text is known; counts its wrong ones in a row.
--
-- A wrong answer is proven when somebody was right about the same recording since the node began to fail at it: else
-- the recording may be the fault.
-- KEYS
--   1 cell       root hash of the cell
--   2 record     what the node answered lately: job, and by recording wrong:ID and since:ID (ms)
--   3 right      when any node was right last, by recording (ms)
-- ARGV
--   1 job        job of the recording; a repeated call is known by it
--   2 verdict    right | wrong
--   3 kept_ms    how long it is remembered
--   4 recording  id of the recording
-- REPLY
--   {1, wrong answers in a row, those of them that are proven}
local cell, KNOWN = KEYS[1], {}
--@include ground
if redis.call('HGET', KEYS[2], 'job') ~= ARGV[1] then
  if ARGV[2] == 'right' then
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[3], ARGV[4], now)
    redis.call('PEXPIRE', KEYS[3], ARGV[3])
  else
    redis.call('HSETNX', KEYS[2], 'since:' .. ARGV[4], now)
    redis.call('HINCRBY', KEYS[2], 'wrong:' .. ARGV[4], 1)
  end
  redis.call('HSET', KEYS[2], 'job', ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local row, total, proven = {}, 0, 0
local found = redis.call('HGETALL', KEYS[2])
for place = 1, #found, 2 do
  row[found[place]] = found[place + 1]
end
for name, wrong in pairs(row) do
  local recording = string.match(name, '^wrong:(.+)$')
  if recording then
    local right = redis.call('HGET', KEYS[3], recording)
    total = total + wrong
    proven = proven + (right and tonumber(right) >= tonumber(row['since:' .. recording]) and wrong or 0)
  end
end
return {1, total, proven}
