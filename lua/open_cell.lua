-- open_cell: give a fresh or flushed cell its epoch, and every cell the limits in force.
--
-- The epoch changes only when all keys were lost; peers see by it that history is gone.
-- KEYS
--   1 cell     root hash of the cell
-- ARGV
--   1 epoch    proposed epoch, used when the cell has none
--   2 schema   layout version of the keys
--   3.. limits name, value pairs (ms and counts) that the scripts read
-- REPLY
--   {1, epoch} | {-13, schema found} when the keys have another layout
local cell = KEYS[1]
local schema = redis.call('HGET', cell, 'schema')
if schema and schema ~= ARGV[2] then
  return {-13, schema}
end
redis.call('HSETNX', cell, 'epoch', ARGV[1])
redis.call('HSETNX', cell, 'waiting', 0)
redis.call('HSETNX', cell, 'pools_version', 0)
redis.call('HSET', cell, 'schema', ARGV[2], unpack(ARGV, 3))
return {1, redis.call('HGET', cell, 'epoch')}
