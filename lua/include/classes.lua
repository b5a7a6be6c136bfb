-- classes: which pools the nodes of a capability class stand in.

-- nil for a class that is no pool yet: a worker has to make it.
local function pools_of_class(class)
  local planned = redis.call('HGET', PREFIX .. 'classpools', class)
  return planned or (redis.call('HEXISTS', PREFIX .. 'pools', class) == 1 and class or nil)
end
