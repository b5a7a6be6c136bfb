-- open_session: make a session, or make its record anew for the same socket when the ledger forgot it.
--
-- KEYS
--   1 cell      root hash of the cell
--   2 session   record of the session
-- ARGV
--   1 instance  instance that holds the client's socket from now on
--   2 socket    token of the socket
--   3 profile   JSON of the session's languages, tenant and mode
--   4 token     digest of the token it may be resumed with, '' for a client that does not resume
--   5 session   session id
--   6 tenant    whose session it is
--   7 most      sessions that the tenant may have open, 0 for any
-- REPLY
--   {1, epoch, former instance or '', made at (ms)} | {-21, 'sessions', ms} it has them, and when to ask again
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include holdings
local owner, socket, former = unpack(redis.call('HMGET', KEYS[2], 'owner', 'socket', 'former'))
if socket ~= ARGV[2] then
  if ARGV[7] ~= '0' then
    --@include tenant_sessions
    if has_all_sessions(ARGV[6], tonumber(ARGV[7])) then
      return {-21, 'sessions', SESSIONS_SOON_MS}
    end
    count_session(ARGV[6], ARGV[5])
    redis.call('HSET', KEYS[2], 'counted', ARGV[6])
  end
  former = owner or ''
  redis.call('HSET', KEYS[2], 'owner', ARGV[1], 'socket', ARGV[2], 'profile', ARGV[3], 'former', former,
    'token', ARGV[4])
  redis.call('HINCRBY', KEYS[2], 'turn', 1)
  redis.call('HSETNX', KEYS[2], 'created_ms', now)
  redis.call('HDEL', KEYS[2], 'closed')
  let_session_go(former, ARGV[5])
  hold_session(ARGV[1], ARGV[5], limit('session_ms'))
end
redis.call('PEXPIRE', KEYS[2], limit('session_ms'))
return {1, epoch, former, redis.call('HGET', KEYS[2], 'created_ms')}
