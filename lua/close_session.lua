-- close_session: the client left; the record stays for the retention, so that late results find an end.
--
-- KEYS
--   1 cell     root hash of the cell
--   2 session  record of the session
-- ARGV
--   1 session  session id
--   2 socket   token of the socket that closed; another one may hold the session by now
-- REPLY
--   {1} | {0} not its socket
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include holdings
local socket, owner, counted = unpack(redis.call('HMGET', KEYS[2], 'socket', 'owner', 'counted'))
if socket ~= ARGV[2] then
  return {0}
end
if counted then
  --@include tenant_sessions
  uncount_session(counted, ARGV[1])
end
redis.call('HSET', KEYS[2], 'closed', '1')
redis.call('HDEL', KEYS[2], 'until_ms')
if owner ~= '' then
  hold_session(owner, ARGV[1], limit('retention_ms')) -- late results are still hinted to it
end
redis.call('PEXPIRE', KEYS[2], limit('retention_ms'))
return {1}
