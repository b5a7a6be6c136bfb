-- bodies: audio and speech under a byte budget; on the ledger's server, or on one of their own.
--
-- The hash `cell` has their bytes: `bodies` in all, `bodies:a` of audio, `bodies:s` of speech, `bodies:kept` of those
-- that are kept. The index has an entry for each body, by its expiry: its name and bytes, and whether it is kept.
--@include counters
local LAPSED_AT_ONCE = 64

local function kind_of(name)
  return 'bodies:' .. string.sub(name, 1, 1)
end

local function entry_of(name, bytes)
  return name .. ' ' .. bytes
end

local function kept_entry_of(name, bytes)
  return name .. ' ' .. bytes .. ' kept'
end

-- Takes entries of the index off the account, whether their bodies are there or have lapsed.
local function write_off(index, entries)
  local sums = {}
  local function add(sum, bytes)
    sums[sum] = (sums[sum] or 0) + bytes
  end
  for _, entry in ipairs(entries) do
    local name, bytes, kept = string.match(entry, '^(.+) (%d+)( ?%a*)$')
    add('bodies', bytes)
    add(kind_of(name), bytes)
    if kept ~= '' then
      add('bodies:kept', bytes)
    end
  end
  for sum, bytes in pairs(sums) do
    count(sum, -bytes)
  end
  redis.call('ZREM', index, unpack(entries))
end

-- Those that nobody gave back: whoever gives some back looks, and who finds no room.
local function write_off_lapsed(index, moment)
  local lapsed = redis.call('ZRANGEBYSCORE', index, '-inf', moment, 'LIMIT', 0, LAPSED_AT_ONCE)
  if lapsed[1] then
    write_off(index, lapsed)
  end
  return lapsed[1]
end

-- The entries of bodies that are there and on the account.
local function entries_of(index, names, bodies)
  local known, possible = {}, {}
  for at, name in ipairs(names) do
    local bytes = not known[name] and redis.call('STRLEN', bodies[at]) or 0
    known[name] = true
    if bytes > 0 then
      possible[#possible + 1], possible[#possible + 2] = entry_of(name, bytes), kept_entry_of(name, bytes)
    end
  end
  local found = {}
  for at, score in ipairs(possible[1] and redis.call('ZMSCORE', index, unpack(possible)) or {}) do
    found[#found + 1] = score and possible[at] or nil
  end
  return found
end

-- Stores a body; one of this name that is there stays. False when the budget is spent.
local function store_body(index, body, name, data, ttl_ms, budget, moment)
  local bytes = string.len(data)
  while (limit('bodies') or 0) + bytes > tonumber(budget) do
    if not write_off_lapsed(index, moment) then
      return redis.call('EXISTS', body) == 1
    end
  end
  local stored = redis.call('SET', body, data, 'PX', ttl_ms, 'NX')
  -- Of one that has lapsed the entry may still stand there.
  if stored and redis.call('ZADD', index, moment + ttl_ms, entry_of(name, bytes)) == 1 then
    count('bodies', bytes)
    count(kind_of(name), bytes)
  end
  return true
end

-- The time by which bodies lapse; tests set it.
local function read_moment()
  local time = redis.call('TIME')
  return tonumber(redis.call('HGET', cell, 'clock')) or time[1] * 1000 + math.floor(time[2] / 1000)
end
