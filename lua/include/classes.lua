-- classes: which pools the nodes of a capability class stand in.

-- nil for a class that is no pool yet: a worker has to make it. A node that sessions wait for (`pin_node`) also
-- has a pool of its own.
local function pools_of_node(id, class)
  local pools = redis.call('HGET', PREFIX .. 'classpools', class)
    or (redis.call('HEXISTS', PREFIX .. 'pools', class) == 1 and class or nil)
  local pinned = pools and redis.call('HGET', key('node', id), 'pinned') == class
  return pinned and pools .. ' node-' .. id or pools
end
