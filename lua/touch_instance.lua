-- touch_instance: an instance shows that it lives, twice a second; the first time it is given a generation.
--
-- An instance that was declared dead is not taken back under its old generation: what it holds may be others' by
-- now. It asks for a new one and looks after its sockets one by one.
-- KEYS
--   1 cell         root hash of the cell
--   2 instances    instances by when they were heard last
--   3 generations  generation of each
--   4 sessions     sessions that the instance holds
-- ARGV
--   1 instance     instance id
--   2 generation   the one it has, 0 for a new one
-- REPLY
--   {1, generation} | {0} its generation has ended
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include holdings
local LAPSED_AT_ONCE = 16
local generation = redis.call('HGET', KEYS[3], ARGV[1])
if ARGV[2] == '0' and (not generation or generation == ENDED) then
  generation = redis.call('HINCRBY', cell, 'instance_generation', 1)
  redis.call('HSET', KEYS[3], ARGV[1], generation)
elseif ARGV[2] ~= '0' and generation ~= ARGV[2] then
  return {0}
end
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', key('inbox', ARGV[1]), limit('inbox_ms'))
-- Records of sessions lapse by themselves; those that have are listed no more.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, LAPSED_AT_ONCE)) do
  if redis.call('HGET', key('session', id), 'owner') == ARGV[1] then
    hold_session(ARGV[1], id, limit('session_ms'))
  else
    let_session_go(ARGV[1], id)
  end
end
return {1, tonumber(generation)}
