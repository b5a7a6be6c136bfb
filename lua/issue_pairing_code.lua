-- issue_pairing_code: bind a code to a node for a while, so that a session that gives it is sent there.
--
-- A node has one code; asking again at once gives the same one, later a new one that ends the former.
-- KEYS
--   1 cell      root hash of the cell
-- ARGV
--   1 node      node id
--   2 code      proposed code
--   3 ttl_ms    how long it is valid
--   4 fresh_ms  how long the node is given the same code again
-- REPLY
--   {1, code, ms it is still valid} | {0} the proposed code is another node's
local cell, KNOWN = KEYS[1], {}
--@include ground
local own, ttl = key('pairingof', ARGV[1]), tonumber(ARGV[3])
local former, expires = string.match(redis.call('GET', own) or '', '^(%S+) (%S+)$')
if former and expires - now > ttl - ARGV[4] then
  return {1, former, expires - now}
elseif redis.call('EXISTS', key('pairing', ARGV[2])) == 1 then
  return {0}
elseif former then
  redis.call('DEL', key('pairing', former))
end
redis.call('SET', key('pairing', ARGV[2]), ARGV[1], 'PX', ttl)
redis.call('SET', own, ARGV[2] .. ' ' .. string.format('%.0f', now + ttl), 'PX', ttl)
return {1, ARGV[2], ttl}
