-- admit: whether a job that finds no free slot may wait; the others are refused at once, told how long it would be.
--
-- In an overload a queue without a bound fills until every job has waited as long as a job may: each one served
-- is late, and many are given up after all. So a job may wait only if it can expect a slot soon: at its own rank,
-- with as many before it as there are, at the pace of the pools that serve it (their slots by what a job takes of
-- them). Whom fairness puts first is let in first. A burst may fill the queue up to `admit_wait_ms`; where jobs are
-- refused again and again the queue stands, and all that its length above what keeps the slots busy buys is delay,
-- so then the bound is `standing_wait_ms` (as in CoDel, Nichols and Jacobson 2012), and MODEST times that for a tenant
-- of whom nothing waits: it is hardly the cause. A queue counts as standing while the last refusal is no longer ago
-- than STANDING jobs take: with a load of 1.2 some 6 are refused in that time. One job may always wait, so that no
-- slot is idle for want of work.
--@include fair
local GUESS_MS = 2000 -- what a job takes of a slot, until one has ended
local STANDING = 32
local MODEST = 4
local FEW = 8 -- jobs that may wait where no node has worked for a while
local LOOKED_AT = 64 -- requirements that wait for one pool, first heads first
local SMOOTHING = 16 -- a job moves the mean by 1/16 of its difference

-- Jobs that wait for the same pools and will be served before one that stands in line there.
local function jobs_ahead(pools, line)
  local ahead, known = 0, {}
  for _, pool in ipairs(pools) do
    for _, requirement in ipairs(redis.call('ZRANGEBYSCORE', key('poolwaiting', pool), '-inf', line,
        'LIMIT', 0, LOOKED_AT)) do
      if not known[requirement] then
        known[requirement] = true
        ahead = ahead + redis.call('ZCOUNT', key('waiting', requirement), '-inf', line)
      end
    end
  end
  return ahead
end

-- Jobs a ms that the pools can do now, and when the last one was refused there.
local function pace_of(pools)
  local fields = {}
  for _, pool in ipairs(pools) do
    fields[#fields + 1] = 'slots:' .. pool
    fields[#fields + 1] = 'work:' .. pool
    fields[#fields + 1] = 'refused:' .. pool
  end
  local pace, refused = 0, 0
  local found = fields[1] and redis.call('HMGET', PREFIX .. 'pace', unpack(fields)) or {}
  for at = 1, #found, 3 do
    pace = pace + tonumber(found[at] or 0) / math.max(1, tonumber(found[at + 1] or GUESS_MS))
    refused = math.max(refused, tonumber(found[at + 2] or 0))
  end
  return pace, refused
end

-- Nodes that all left a moment ago, as when a web process restarts, are as a rule back in the next.
local function rests_briefly(pools)
  for _, pool in ipairs(pools) do
    if redis.call('EXISTS', key('poolrests', pool)) == 1 then
      return true
    end
  end
  return false
end

-- Whether it may wait, and how long it is likely to, ms; nil when no node of the pools works at the moment.
local function may_wait(pools, line, tenant)
  local pace, refused = pace_of(pools)
  local ahead = jobs_ahead(pools, line)
  if pace == 0 then
    return ahead < FEW or rests_briefly(pools)
  end
  local wait = math.ceil((ahead + 1) / pace)
  local bound = limit('admit_wait_ms')
  if now - refused < STANDING / pace then
    bound = math.min(bound, limit('standing_wait_ms') * (waiting_of(tenant) == 0 and MODEST or 1))
  end
  if ahead == 0 or wait <= bound then
    return true, wait
  end
  for _, pool in ipairs(pools) do
    if redis.call('HEXISTS', PREFIX .. 'pace', 'slots:' .. pool) == 1 then
      redis.call('HSET', PREFIX .. 'pace', 'refused:' .. pool, now)
    end
  end
  return false, wait
end

-- A job has ended: how long it held its slots.
local function note_work(job, node)
  local took = (now - job.assigned) * job.cost
  for pool in string.gmatch(node.pools, '%S+') do
    local slots, mean = unpack(redis.call('HMGET', PREFIX .. 'pace', 'slots:' .. pool, 'work:' .. pool))
    if slots then
      mean = mean and mean + (took - mean) / SMOOTHING or took
      redis.call('HSET', PREFIX .. 'pace', 'work:' .. pool, string.format('%.1f', mean))
    end
  end
end
