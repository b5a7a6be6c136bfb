-- reclaim_session: an instance that was declared dead, and lives, opens a session again whose socket it still has.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 session   record of the session
-- ARGV
--   1 session   session id
--   2 instance  instance that holds the client's socket
--   3 socket    token of the socket
-- REPLY
--   {1} it is the instance's | {-5} unknown session | {-12} another socket has taken it over
local cell = KEYS[1]
--@include ground
--@include holdings
local socket, owner = unpack(redis.call('HMGET', KEYS[2], 'socket', 'owner'))
if not socket then
  return {-5}
elseif socket ~= ARGV[3] then
  return {-12}
end
if owner ~= ARGV[2] then
  redis.call('HSET', KEYS[2], 'owner', ARGV[2])
  redis.call('HDEL', KEYS[2], 'closed')
  hold_session(ARGV[2], ARGV[1], limit('session_ms'))
end
redis.call('PEXPIRE', KEYS[2], limit('session_ms'))
return {1}
