-- add_usage: add what a web process has counted since its last batch to a day's usage; a batch counts once.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 tenants   usage of the day by tenant
--   3 nodes     usage of the day by node
--   4 seen      number of the last batch of the process that was added
-- ARGV
--   1 batch     number of this one; those of a process follow each other
--   2 keep_ms   how long the day's usage is kept from now on
--   3 most      names told apart in a day; those beyond share one place
--   4.. counts  for each: 't' or 'n', name, audio (ms), utterances, results
-- REPLY
--   {1}
local cell, KNOWN = KEYS[1], {}
--@include ground
local SEEN_MS = 86400000
local OTHERS = '~'
local NUMBERS = {'a', 'u', 'r'}
if tonumber(redis.call('GET', KEYS[4]) or 0) >= tonumber(ARGV[1]) then
  return {1}
end
local counts = {unpack(ARGV, 4)}
for at = 1, #counts, 5 do
  local day, name = counts[at] == 't' and KEYS[2] or KEYS[3], counts[at + 1]
  if redis.call('HEXISTS', day, 'u ' .. name) == 0 and redis.call('HLEN', day) >= #NUMBERS * ARGV[3] then
    name = OTHERS
  end
  for number, letter in ipairs(NUMBERS) do
    redis.call('HINCRBY', day, letter .. ' ' .. name, counts[at + 1 + number])
  end
  redis.call('PEXPIRE', day, ARGV[2])
end
redis.call('SET', KEYS[4], ARGV[1], 'PX', SEEN_MS)
return {1}
