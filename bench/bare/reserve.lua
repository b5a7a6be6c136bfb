-- Lease a slot of the emptiest node to a job. KEYS: pool, binding of the request. ARGV: job id.
-- Gives {0, binding} for a request seen before, {2} without a node, {1, node id}.
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local bound = redis.call('GET', KEYS[2])
if bound then return {0, bound} end
local node = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
if not node then return {2} end
local leases = 'bare:node:' .. node
redis.call('ZREMRANGEBYSCORE', leases, '-inf', now_ms)
redis.call('ZADD', leases, now_ms + 100, ARGV[1])
local used, slots = redis.call('ZCARD', leases), 400
local turn = redis.call('INCR', 'bare:turn') % 1000000 / 1e9
if used >= slots then redis.call('ZREM', KEYS[1], node) end
redis.call('ZADD', KEYS[1], used / slots + turn, node)
redis.call('SET', KEYS[2], ARGV[1] .. ':' .. node, 'PX', 2000)
local job = 'bare:job:' .. ARGV[1]
redis.call('HSET', job, 'state', 'running', 'node', node, 'at_ms', now_ms)
redis.call('PEXPIRE', job, 2000)
return {1, node}
