-- note_replay: a dead letter was placed again, as a job of its own.
--
-- KEYS
--   1 cell    root hash of the cell
--   2 entry   the dead letter
-- ARGV
--   1 replay  id of the new job
-- REPLY
--   {1} | {0} the entry is gone
local cell, KNOWN = KEYS[1], {}
--@include ground
local MOST_NOTED = 16
local replays = redis.call('HGET', KEYS[2], 'replays')
if not replays then
  return {0}
end
local noted = {}
for id in string.gmatch(replays, '%S+') do
  if id ~= ARGV[1] then
    noted[#noted + 1] = id
  end
end
noted[#noted + 1] = ARGV[1]
redis.call('HSET', KEYS[2], 'replays', table.concat(noted, ' ', math.max(1, #noted - MOST_NOTED + 1)))
return {1}
