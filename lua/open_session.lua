-- open_session: make a session, or take it over when its client comes back to another instance.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 session   record of the session
-- ARGV
--   1 instance  instance that holds the client's socket from now on
--   2 socket    token of the socket
--   3 profile   JSON of the session's languages, tenant and mode
-- REPLY
--   {1, epoch, former instance or ''}
local cell = KEYS[1]
--@include ground
local owner, socket, former = unpack(redis.call('HMGET', KEYS[2], 'owner', 'socket', 'former'))
if socket ~= ARGV[2] then
  former = owner or ''
  redis.call('HSET', KEYS[2], 'owner', ARGV[1], 'socket', ARGV[2], 'profile', ARGV[3], 'former', former)
  redis.call('HSETNX', KEYS[2], 'created_ms', now)
  redis.call('HDEL', KEYS[2], 'closed')
end
redis.call('PEXPIRE', KEYS[2], limit('session_ms'))
return {1, epoch, former}
