-- quota: what a tenant may have under way, and say in a day. Nothing is kept of tenants without such a limit.
--
-- Audio is counted by the hour: a day is this hour and the 23 before it.
local HOUR_MS, HOURS = 3600000, 24
local SOON_MS = 1000 -- jobs end soon, and nobody knows when

-- Of the last day: audio (ms), and how long until the oldest hour of it is a day ago (ms).
local function audio_of(tenant)
  local hour, sum = math.floor(now / HOUR_MS), 0
  local oldest = hour
  local found = redis.call('HGETALL', key('tenantaudio', tenant))
  for at = 1, #found, 2 do
    local each = tonumber(found[at])
    if each > hour - HOURS then
      sum = sum + tonumber(found[at + 1])
      oldest = math.min(oldest, each)
    else
      redis.call('HDEL', key('tenantaudio', tenant), found[at])
    end
  end
  return sum, (oldest + HOURS) * HOUR_MS - now
end

-- Every job ends by its deadline: should its end ever not be noted here, it counts no longer than that.
local function jobs_of(tenant)
  redis.call('ZREMRANGEBYSCORE', key('tenantjobs', tenant), '-inf', now)
  return redis.call('ZCARD', key('tenantjobs', tenant))
end

-- `quota`: jobs that may wait, that may be under way, and audio (ms); 0 for any. Gives the limit
-- it is over and how long for (ms), or nil.
local function over_quota(tenant, quota, audio_ms)
  local _, jobs, audio = string.match(quota, '^(%d+) (%d+) (%d+)$')
  if jobs ~= '0' and jobs_of(tenant) >= tonumber(jobs) then
    return 'jobs', SOON_MS
  elseif audio ~= '0' then
    local sum, over_ms = audio_of(tenant)
    if sum + tonumber(audio_ms) > tonumber(audio) then
      return 'audio', over_ms
    end
  end
end

-- A job was accepted; once, as a repeated request finds it.
local function note_quota(job, tenant, quota, audio_ms)
  local _, jobs, audio = string.match(quota, '^(%d+) (%d+) (%d+)$')
  if jobs ~= '0' then
    redis.call('ZADD', key('tenantjobs', tenant), job.deadline, job.id)
    redis.call('PEXPIRE', key('tenantjobs', tenant), limit('utterance_ms'))
    put_aside(job, 'counted', tenant)
  end
  if audio ~= '0' then
    redis.call('HINCRBY', key('tenantaudio', tenant), math.floor(now / HOUR_MS), audio_ms)
    redis.call('PEXPIRE', key('tenantaudio', tenant), HOURS * HOUR_MS)
  end
end
