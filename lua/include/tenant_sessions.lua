-- tenant_sessions: the open sessions of tenants that may have so many. Wants `ground`.
--
-- A session's record names its tenant in `counted` where it is one of these. Whatever ends a session takes it out;
-- what was lost without that (its record lapsed, Redis lost writes) is found when the tenant is at its limit.
local LOOKED_AT = 64 -- sessions that are looked at in one call, those not seen for longest first
local SESSIONS_SOON_MS = 5000 -- sessions end, and nobody knows when

local function count_session(tenant, id)
  redis.call('ZADD', key('tenantsessions', tenant), now, id)
end

local function uncount_session(tenant, id)
  redis.call('ZREM', key('tenantsessions', tenant), id)
end

local function is_open(id)
  local owner, closed = unpack(redis.call('HMGET', key('session', id), 'owner', 'closed'))
  return owner and owner ~= '' and not closed
end

-- Whether the tenant has as many open as it may.
local function has_all_sessions(tenant, most)
  local open = key('tenantsessions', tenant)
  if redis.call('ZCARD', open) < most then
    return false
  end
  for _, id in ipairs(redis.call('ZRANGE', open, 0, LOOKED_AT - 1)) do
    if is_open(id) then
      redis.call('ZADD', open, now, id)
    else
      redis.call('ZREM', open, id)
    end
  end
  return redis.call('ZCARD', open) >= most
end
