-- bodies: audio and speech under a byte budget; on the ledger's server, or on one of their own. Takes their account
-- (a hash: bytes in all, by kind, of those kept, and of each) and their index (name -> expiry).
local LAPSED_AT_ONCE = 64

local function kind_of(name)
  return 'total:' .. string.sub(name, 1, 1)
end

-- Takes bodies off the account, whether they are there or have lapsed.
local function write_off(account, index, names)
  local fields = {}
  for _, name in ipairs(names) do
    fields[#fields + 1], fields[#fields + 2] = 'b:' .. name, 'k:' .. name
  end
  local found, sums, known = redis.call('HMGET', account, unpack(fields)), {}, {}
  local function add(sum, bytes)
    sums[sum] = (sums[sum] or 0) + bytes
  end
  for at, name in ipairs(names) do
    local bytes, kept = found[2 * at - 1], found[2 * at]
    if bytes and not known[name] then
      add('total', bytes)
      add(kind_of(name), bytes)
      add('kept', kept and bytes or 0)
    end
    known[name] = true
  end
  for sum, bytes in pairs(sums) do
    if bytes > 0 then
      redis.call('HINCRBY', account, sum, -bytes)
    end
  end
  redis.call('HDEL', account, unpack(fields))
  redis.call('ZREM', index, unpack(names))
end

-- Those that nobody gave back: whoever gives some back looks, and who finds no room.
local function write_off_lapsed(account, index, moment)
  local lapsed = redis.call('ZRANGEBYSCORE', index, '-inf', moment, 'LIMIT', 0, LAPSED_AT_ONCE)
  if lapsed[1] then
    write_off(account, index, lapsed)
  end
  return lapsed[1]
end

-- Stores a body; one of this name that is there stays. False when the budget is spent.
local function store_body(account, index, body, name, data, ttl_ms, budget, moment)
  local kind, bytes = kind_of(name), string.len(data)
  local function read_account()
    local total, of_kind, former = unpack(redis.call('HMGET', account, 'total', kind, 'b:' .. name))
    return tonumber(total or 0), tonumber(of_kind or 0), former
  end
  local total, of_kind, former = read_account()
  if former and redis.call('EXISTS', body) == 1 then
    return true
  elseif former then -- it lapsed and is still on the account
    write_off(account, index, {name})
    total, of_kind = read_account()
  end
  while total + bytes > tonumber(budget) do
    if not write_off_lapsed(account, index, moment) then
      return false
    end
    total, of_kind = read_account()
  end
  redis.call('SET', body, data, 'PX', ttl_ms)
  redis.call('ZADD', index, moment + ttl_ms, name)
  redis.call('HSET', account, 'b:' .. name, bytes, 'total', total + bytes, kind, of_kind + bytes)
  return true
end

-- The time by which bodies lapse; tests set it.
local function read_moment(account)
  local time = redis.call('TIME')
  return tonumber(redis.call('HGET', account, 'clock')) or time[1] * 1000 + math.floor(time[2] / 1000)
end
