-- use_pairing_code: find the node a pairing code stands for; guessing ends when many codes were wrong.
--
-- KEYS
--   1 cell       root hash of the cell
-- ARGV
--   1 code       what the client gave
--   2 token      unique per try, so that a repeated call counts once
--   3 most       wrong codes in a window, of all clients; then none is looked at until it ends
--   4 window_ms  length of the window
-- REPLY
--   {1, node} | {0} unknown, expired, or too many were wrong
local cell, KNOWN = KEYS[1], {}
--@include ground
local misses = PREFIX .. 'pairingmisses'
if redis.call('SCARD', misses) >= tonumber(ARGV[3]) then
  return {0}
end
local node = redis.call('GET', key('pairing', ARGV[1]))
if node then
  return {1, node}
end
redis.call('SADD', misses, ARGV[2])
if redis.call('PTTL', misses) < 0 then
  redis.call('PEXPIRE', misses, ARGV[4])
end
return {0}
