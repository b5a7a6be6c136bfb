-- fair: the rank of jobs that wait: start-time fair queueing between tenants, ageing between priority classes.
--
-- Goyal, Vin, Cheng 1996: a job's start tag is the virtual time at its arrival or the last finish tag of its
-- tenant, whichever is later; the smallest tag is served first and becomes the virtual time. One tenant alone is
-- served in the order of arrival. Two things are added. A tag costs more the more of a tenant waits already: who
-- asks for no more than a share of the slots is then hardly delayed by who asks for many times that, even in its
-- bursts. And a class below another lags by about as many tags as are served in `priority_ms`.
local SHARE = 1024 -- of virtual time, that one slot costs a tenant of weight 100
local TURNS = 8192 -- equal tags go by arrival
local MOST_TENANTS = 1000 -- told apart at once; those beyond share one place
local DEEPEST = 16 -- waiting jobs of a tenant that make its next one dearer: so many times at most
local NORMAL = 1

-- What was read of it: a job that is to wait needs the same fields several times over.
local fair = {}

local function read_fair(field)
  if fair[field] == nil then
    fair[field] = redis.call('HGET', PREFIX .. 'fair', field)
  end
  return fair[field]
end

-- The name under which a tenant is counted while anything waits.
local function fair_name(tenant)
  if not read_fair('n:' .. tenant) and redis.call('HLEN', PREFIX .. 'fair') >= 2 * MOST_TENANTS then
    return '~'
  end
  return tenant
end

local function waiting_of(tenant)
  return tonumber(read_fair('n:' .. tenant) or 0)
end

-- Measured in jobs of the same tenant.
local function priority_lag(priority)
  if priority == NORMAL then
    return 0
  end
  local gap = math.max(1, limit('gap_ms') or 100)
  return math.floor((priority - NORMAL) * limit('priority_ms') / gap)
end

-- Where the job comes in: its start tag, what it costs its tenant, and the first rank there. `waits`: behind the
-- last one of its tenant and class.
local function tags_of(job, weight, priority, waits)
  local share = math.ceil(SHARE * job.cost * 100 / weight)
  local start = limit('vtime') or 0
  if waits then
    share = share * (1 + math.min(waiting_of(job.tenant), DEEPEST))
    start = math.max(start, tonumber(read_fair('t:' .. priority .. ':' .. job.tenant) or 0))
  end
  return start, share, (start + priority_lag(priority) * share) * TURNS
end

-- The last rank a job could be given if it waited: those before it will be served before it.
local function line_of(job, weight, priority)
  local _, _, first = tags_of(job, weight, priority, true)
  return first + TURNS - 1
end

-- `charge`: the job is going to wait, so the next one of its tenant and class stands behind it.
local function rank_job(job, weight, priority, charge)
  local start, share, first = tags_of(job, weight, priority, charge)
  if charge then
    local field = 't:' .. priority .. ':' .. job.tenant
    fair[field] = start + share
    redis.call('HSET', PREFIX .. 'fair', field, fair[field])
  end
  job.start, job.turn = start, count('turn')
  job.rank = first + job.turn % TURNS
end

local function note_waiting(tenant, change)
  fair['n:' .. tenant] = redis.call('HINCRBY', PREFIX .. 'fair', 'n:' .. tenant, change)
  if count('waiting', change) == 0 then
    redis.call('DEL', PREFIX .. 'fair') -- nobody is behind anybody any more
    fair = {}
  end
end

-- The job is served: whoever comes from now on starts behind it.
local function pass_virtual_time(job)
  if job.start > (limit('vtime') or 0) then
    count('vtime', job.start - (limit('vtime') or 0))
  end
end
