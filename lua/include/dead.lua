-- dead: a job that took its nodes with it is kept when it fails for good, so that an operator can look at it.
--
-- How an attempt ended is one word. Those of KILLED speak against the job: the node was lost with it, came back without
-- it, or gave no more sign of it. `answered` speaks for it: a node worked on it and lived to say what was wrong. The
-- others say nothing: unreached (never sent), declined (full, shutting down, no model), withdrawn (by an operator),
-- out_of_time (it was alive when the utterance's time was over).
--@include nodes
--@include serve
--@include finish
local KILLED = {lost = true, forgotten = true, unanswered = true, no_progress = true}
local STRUCK = {unanswered = true, no_progress = true} -- those that the node's breaker counted
local LEAST_KILLED = 2 -- a single node may always die of something else
local TRIMMED_AT_ONCE = 8

local function note_end(job, how)
  redis.call('HSET', key('job', job.id), 'end' .. job.attempt, how .. ' ' .. now)
end

-- Of each attempt its node, how it ended, and when (ms).
local function ends_of(job)
  local ends = {}
  for node in string.gmatch(job.tried, '%S+') do
    local words = redis.call('HGET', key('job', job.id), 'end' .. #ends + 1)
    local how, at = string.match(words or '', '^(%S+) (%S+)$')
    ends[#ends + 1] = {node = node, how = how or 'unreached', at = at or now}
  end
  return ends
end

local function is_dead(ends)
  local killed = 0
  for _, attempt in ipairs(ends) do
    if attempt.how == 'answered' then
      return false
    end
    killed = killed + (KILLED[attempt.how] and 1 or 0)
  end
  return killed >= math.min(LEAST_KILLED, limit('max_attempts'))
end

-- The node's silence was the job's doing: its breaker forgets one failure, and may close by that.
local function forgive(id)
  local node = read_node(id)
  if not node or node.strikes == 0 then
    return
  end
  node.strikes = node.strikes - 1
  redis.call('HSET', key('node', id), 'strikes', node.strikes)
  if node.strikes < limit('breaker_failures') then
    node.breaker_until = nil
    redis.call('HSET', key('node', id), 'breaker_ms', '')
  end
  if node.status ~= 'offline' then
    serve_and_tell(node)
  end
end

local function forget_dead(id)
  local audio = redis.call('HGET', key('dead', id), 'audio') -- on another server perhaps: a drain drops it
  if audio then
    redis.call('SADD', PREFIX .. 'deadaudio', audio)
    redis.call('PEXPIRE', PREFIX .. 'deadaudio', limit('dead_ms'))
  end
  redis.call('DEL', key('dead', id))
  redis.call('ZREM', PREFIX .. 'dead', id)
end

local function trim_dead()
  local index = PREFIX .. 'dead'
  local lapsed = redis.call('ZRANGEBYSCORE', index, '-inf', now - limit('dead_ms'), 'LIMIT', 0, TRIMMED_AT_ONCE)
  for _, id in ipairs(lapsed) do
    forget_dead(id)
  end
  local over = math.min(redis.call('ZCARD', index) - limit('dead_letters'), TRIMMED_AT_ONCE)
  for _, id in ipairs(over > 0 and redis.call('ZRANGE', index, 0, over - 1) or {}) do
    forget_dead(id)
  end
end

-- What was said before is no part of what is kept: a replay is an utterance of its own.
local function without_context(spec)
  local from, at = string.find(spec, ',"context_text":"', 1, true)
  while at do
    at = string.find(spec, '["\\]', at + 1)
    if at and string.sub(spec, at, at) == '"' then
      return string.sub(spec, 1, from - 1) .. string.sub(spec, at + 1)
    end
    at = at and at + 1 -- what a backslash stands before ends nothing
  end
  return spec
end

local function bury(job, ends, code, message)
  local words = {}
  for _, attempt in ipairs(ends) do
    words[#words + 1] = attempt.node .. ' ' .. attempt.how .. ' ' .. attempt.at
  end
  local spec, audio, created = unpack(redis.call('HMGET', key('job', job.id), 'spec', 'audio', 'created_ms'))
  redis.call('HSET', key('job', job.id), 'dead', '1')
  redis.call('HSET', key('dead', job.id), 'session', job.session, 'tenant', job.tenant, 'pair', job.pair,
    'spec', without_context(spec), 'audio', audio, 'created_ms', created, 'died_ms', now, 'code', code,
    'message', message, 'attempts', table.concat(words, '\n'), 'replays', '')
  redis.call('PEXPIRE', key('dead', job.id), limit('dead_ms'))
  redis.call('ZADD', PREFIX .. 'dead', now, job.id)
  redis.call('PEXPIRE', PREFIX .. 'dead', limit('dead_ms'))
  count('n_dead')
  trim_dead()
end

-- The job fails for good.
local function fail(job, code, message)
  finish(job, 'failed', code, message)
  local ends = ends_of(job)
  if not is_dead(ends) then
    return
  end
  if (limit('dead_letters') or 0) > 0 and (limit('dead_ms') or 0) > 0 then
    bury(job, ends, code, message)
  end
  for _, attempt in ipairs(ends) do
    if STRUCK[attempt.how] then
      forgive(attempt.node)
    end
  end
end
