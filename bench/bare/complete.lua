-- End a job's lease and put its result into the outbox. KEYS: pool. ARGV: job id, node id, outbox entry.
-- Gives 1 when a drain is to be woken.
local leases = 'bare:node:' .. ARGV[2]
redis.call('ZREM', leases, ARGV[1])
local turn = redis.call('INCR', 'bare:turn') % 1000000 / 1e9
redis.call('ZADD', KEYS[1], redis.call('ZCARD', leases) / 400 + turn, ARGV[2])
redis.call('HSET', 'bare:job:' .. ARGV[1], 'state', 'done')
redis.call('RPUSH', 'bare:outbox', ARGV[3])
return redis.call('SET', 'bare:awake', '1', 'NX', 'EX', '5') and 1 or 0
