-- note_action: what an operator did goes on record, once; the oldest records go.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 audit    stream of records
-- ARGV
--   1 token    of this one action: a repeated call is known by it
--   2 entries  so many are kept
--   3 kept_ms  for so long
--   4 action   JSON, see scheduling/audit.py
-- REPLY
--   {1}
local cell, KNOWN = KEYS[1], {}
--@include ground
-- Between a call and its repetition others may have been noted, but hardly so many.
local LOOKED_AT = 32
local noted = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', LOOKED_AT)
for _, entry in ipairs(noted) do
  if entry[2][2] == ARGV[1] then
    return {1}
  end
end
-- The id is the time, by the clock of the scripts; it never goes back.
local at_ms, nth = now, 0
if noted[1] then
  local last_ms, last_nth = string.match(noted[1][1], '(%d+)-(%d+)')
  if tonumber(last_ms) >= now then
    at_ms, nth = tonumber(last_ms), last_nth + 1
  end
end
local id = string.format('%.0f-%.0f', at_ms, nth)
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[2], id, 'token', ARGV[1], 'at_ms', now, 'action', ARGV[4])
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', math.max(0, now - ARGV[3])))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {1}
