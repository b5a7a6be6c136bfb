-- resume_session: a client came back with its token: from now on its session belongs to this socket.
--
-- Owner first: what is released after this is hinted to the new one, what came before stands in the stream.
-- Digests are compared, never tokens, so how long a comparison takes tells nothing about a token.
-- KEYS
--   1 cell      root hash of the cell
--   2 session   record of the session
--   3 out       its out stream
-- ARGV
--   1 session   session id
--   2 instance  instance that holds the client's socket from now on
--   3 socket    token of the socket
--   4 token     digest of the token the client shows
-- REPLY
--   {1, epoch, id of the first entry kept or '', [field, value]* of the record} | {0} unknown, or another token
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include holdings
local owner, socket, token, counted = unpack(redis.call('HMGET', KEYS[2], 'owner', 'socket', 'token', 'counted'))
if not token or token == '' or token ~= ARGV[4] then
  return {0}
end
if socket ~= ARGV[3] then
  if counted then -- one that was let in before is let in again
    --@include tenant_sessions
    count_session(counted, ARGV[1])
  end
  if owner ~= ARGV[2] then
    tell(owner, 'kind', 'moved', 'session', ARGV[1], 'socket', socket)
  end
  redis.call('HSET', KEYS[2], 'owner', ARGV[2], 'socket', ARGV[3])
  redis.call('HINCRBY', KEYS[2], 'turn', 1)
  redis.call('HDEL', KEYS[2], 'closed')
  let_session_go(owner, ARGV[1])
  hold_session(ARGV[2], ARGV[1], limit('session_ms'))
end
redis.call('PEXPIRE', KEYS[2], limit('session_ms'))
local first = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)
return {1, epoch, first[1] and first[1][1] or '', unpack(redis.call('HGETALL', KEYS[2]))}
