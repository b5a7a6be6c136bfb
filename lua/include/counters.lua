-- counters: limits and counters of a cell, or of whatever hash is `cell`.
local limits = {} -- those that were read
local put_off -- what `deferred` writes at the script's end

-- Limits do not change while a script runs. Of counters only `count` changes one that was read.
local function limit(name)
  local value = limits[name]
  if value == nil then
    value = redis.call('HGET', cell, name)
  end
  limits[name] = tonumber(value) or false
  return limits[name] or nil
end

-- Reads at once, of what is going to be needed from here on, what was not read yet.
local function read_limits(...)
  local unknown = {}
  for _, name in ipairs({...}) do
    unknown[#unknown + 1] = limits[name] == nil and name or nil
  end
  for at, value in ipairs(unknown[1] and redis.call('HMGET', cell, unpack(unknown)) or {}) do
    limits[unknown[at]] = value
  end
end

-- Adds to a counter, and gives what it is now.
local function count(name, change)
  if not put_off or limits[name] == nil then
    local value = redis.call('HINCRBY', cell, name, change or 1)
    limits[name] = limits[name] ~= nil and value or nil
    return value
  end
  limits[name] = (limits[name] or 0) + (change or 1)
  put_off[name] = limits[name]
  return limits[name]
end
