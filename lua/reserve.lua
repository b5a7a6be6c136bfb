-- reserve: place one utterance on the best free slot, or let it wait; check, reserve and bind in one step.
--
-- A request id submitted twice finds the same job. A refusal takes no order number.
-- KEYS
--   1 cell           root hash of the cell
--   2 request        binding of the request id
--   3 session        record of the session
--   4 index          index of the bodies
--   5 body           where the audio goes
-- ARGV
--   1 job            proposed job id
--   2 session        session id
--   3 instance       instance that asks; must own the session
--   4 tgt            target language, the scope of the order number
--   5 requirement    requirement id
--   6 json           canonical requirement
--   7 pools_version  version of the pools the candidates were computed from
--   8 preferred      the session's preferred pool, '' for none
--   9 cost           slots
--   10 pair          source and target language, space separated
--   11 shard         outbox shard of the session
--   12 spec          JSON of the assignment, without audio
--   13 audio         reference of the stored audio
--   14 next_index    utterance index the session goes on with
--   15 audio_from    SEQ.OFFSET of the first byte of audio still wanted after it, '' for a one-shot
--   16 tenant        whose fair share it takes, '' for the public's
--   17 weight        of the tenant, 100 for most
--   18 priority      0 before the others, 1 as they come, 2 after them
--   19 node          preferred node, '' for none
--   20 room          code of the room whose members listen, '' for none
--   21 least         order number that the session's owner expects at least
--   22 data          audio as base64, '' where bodies have a server of their own
--   23 ttl_ms        how long it is kept at most, ms
--   24 budget        bytes that bodies may take in all
--   25 audio_ms      length of the audio, ms
--   26 quota         what the tenant may have waiting and under way, and its audio of a day (ms): `include/quota`;
--                    '' for any
--   27.. pools       candidate pools
-- REPLY
--   {1, job, order, state, attempt, node, owner, semantic, wait ms}; the job is the caller's when its id is the
--   proposed one; a first attempt `dispatched` to its own socket is to be sent by it; the wait is what it was likely
--   to be when it was let in
--   {-5} unknown session | {-12} owned elsewhere | {-20} the record is behind its owner | {-9} no node serves it
--   {-8, wait ms} it would wait for too long, or as many wait as may | {-11} there is no room for its audio
--   {-21, limit, ms} the tenant has all that it may, and when it may have more
local cell = KEYS[1]
local KNOWN = {
  'dispatch_ms', 'attempt_ms', 'ack_ms', 'utterance_ms', 'retention_ms', 'session_ms', 'presence_ms',
  'affinity_percent', 'spread_ms', 'vtime', 'turn', 'n_reserved', 'slots_used', 'bodies', 'bodies:a',
}
--@include ground
--@include deferred
--@include jobs
--@include assign
--@include choose
--@include fair
--@include due
--@include bodies

local owner, refused, until_ms, order =
  unpack(redis.call('HMGET', KEYS[3], 'owner', 'refused', 'until_ms', 'order:' .. ARGV[4]))
if not owner then
  return {-5}
elseif owner ~= ARGV[3] then
  return {-12}
elseif ARGV[15] ~= '' and refused == ARGV[14] then
  return {-12} -- this call stood in a buffer so long that its client was told no
end

local function reply_again(id)
  local v = redis.call('HMGET', key('job', id), 'order', 'state', 'attempt', 'node', 'semantic', 'wait')
  local instance = v[4] and v[4] ~= '' and redis.call('HGET', key('node', v[4]), 'owner')
  return {1, id, tonumber(v[1] or -1), v[2] or 'ended', tonumber(v[3] or 0), v[4] or '', instance or '', v[5] or '0',
    tonumber(v[6] or 0)}
end
-- The binding of a job that failed is gone, so that its utterance can be said again; a repeated call is not.
if redis.call('EXISTS', KEYS[2], key('job', ARGV[1])) > 0 then
  return reply_again(redis.call('GET', KEYS[2]) or ARGV[1])
end
order = tonumber(order or 0)
if order < tonumber(ARGV[21]) then
  return {-20} -- the server lost writes: a number would be given a second time
end
settle(4)

if ARGV[26] ~= '' then
  --@include quota
  local over, over_ms = over_quota(ARGV[16], ARGV[26], ARGV[25])
  if over then
    return ended {-21, over, over_ms}
  end
end

local function outdated()
  return limit('pools_version') ~= tonumber(ARGV[7])
end

-- A requirement seen for the first time is linked here; a worker adds pools made since then, and those of
-- its own. One that nobody can serve leaves no trace: clients may ask for any language.
local function link_pools()
  --@include link
  link(ARGV[5], ARGV[6], {unpack(ARGV, 27)})
  return pools_of(ARGV[5])
end

local pools = pools_of(ARGV[5])
if not pools[1] and (ARGV[27] or outdated()) and redis.call('HEXISTS', PREFIX .. 'requirements', ARGV[5]) == 0 then
  pools = link_pools()
  redis.call('XADD', key('outbox', 'nodes'), '*', 'requirement', ARGV[5])
end
local job = {id = ARGV[1], tgt = ARGV[4], requirement = ARGV[5], attempt = 0, tried = ' ', cost = tonumber(ARGV[9]),
  pair = ARGV[10], deadline = now + limit('utterance_ms'), relaxed = false, hold = '', session = ARGV[2],
  asks = ARGV[3]}

local function favoured_node()
  --@include wishes
  return favoured(pools, job, ARGV[19])
end

local function find_node()
  local wishes = ARGV[19] ~= '' or limit('affinity_percent') > 0
  return wishes and favoured_node() or choose_apart(pools, job, ARGV[8])
end

-- No node is free: gives the reply to a job that may not wait.
local function refusal()
  --@include waiting
  --@include admit
  if not someone_serves(pools) then
    return {-9}
  end
  job.tenant = fair_name(ARGV[16])
  local waiting, most = limit('waiting'), limit('max_waiting')
  local soon, wait = may_wait(pools, line_of(job, tonumber(ARGV[17]), tonumber(ARGV[18])), job.tenant)
  job.wait = wait or math.ceil((waiting + 1) * (limit('gap_ms') or 100))
  local own = tonumber(string.match(ARGV[26], '^%d+') or 0)
  if own > 0 and waiting_of(job.tenant) >= own then
    return {-21, 'waiting', job.wait}
  end
  if not soon or waiting >= most or waiting_of(job.tenant) >= math.ceil(most * limit('tenant_waiting_percent') / 100) then
    return {-8, job.wait}
  end
end

local function wait_in_line()
  --@include waiting
  count('n_waited')
  job.wait_until = now + limit('wait_ms')
  enqueue(job)
end

-- Its former nodes are all gone, and a worker is about to link what was made since: the caller knows it already.
local function left_alone()
  --@include waiting
  return ARGV[27] and not outdated() and not someone_serves(pools)
end

local node = find_node()
if not node then
  read_limits('pools_version', 'waiting', 'max_waiting', 'tenant_waiting_percent', 'admit_wait_ms', 'standing_wait_ms',
    'gap_ms', 'wait_ms', 'n_waited')
end
if not node and left_alone() then
  pools = link_pools()
  node = find_node()
end
local no = not node and refusal()
if no then
  return ended(no)
elseif ARGV[22] ~= '' and not store_body(KEYS[4], KEYS[5], ARGV[13], ARGV[22], ARGV[23], ARGV[24], now) then
  return ended {-11}
end

job.tenant = job.tenant or ARGV[16]
rank_job(job, tonumber(ARGV[17]), tonumber(ARGV[18]), not node)
count('n_reserved')
local said = {'order:' .. job.tgt, order + 1, 'next_index', ARGV[14], 'preferred', ARGV[8], 'pair', ARGV[10]}
local function say(name, value)
  said[#said + 1], said[#said + 2] = name, value
end
if ARGV[15] ~= '' then
  say('audio_from', ARGV[15])
end
if node then
  say('last_node', node.id)
  say('last_ms', now)
end
-- A tenth of its time sooner than need be, so that most utterances leave it alone. Who has the record lapse sooner
-- takes `until_ms` away.
if tonumber(until_ms or 0) - now < limit('session_ms') * 0.9 then
  redis.call('PEXPIRE', KEYS[3], limit('session_ms'))
  say('until_ms', now + limit('session_ms'))
end
redis.call('HSET', KEYS[3], unpack(said))
redis.call('SET', KEYS[2], job.id, 'PX', limit('utterance_ms') + limit('retention_ms'))
job.unwritten = {'session', ARGV[2], 'order', order, 'tgt', job.tgt, 'requirement', ARGV[5], 'rank', job.rank,
  'deadline_ms', job.deadline, 'shard', ARGV[11], 'pair', job.pair, 'spec', ARGV[12], 'audio', ARGV[13],
  'created_ms', now, 'binding', KEYS[2]}
-- Most have one slot and are the public's, not said in a room: what readers take for granted is not written.
local function put_aside_unless(usual, name, value)
  if value ~= usual then
    put_aside(job, name, value)
  end
end
put_aside_unless(1, 'cost', job.cost)
put_aside_unless('', 'tenant', job.tenant)
put_aside_unless(0, 'start', job.start)
put_aside_unless('', 'room', ARGV[20])
put_aside_unless(nil, 'wait', job.wait)
put_aside_unless('0', 'audio_ms', ARGV[25])
if ARGV[26] ~= '' then
  --@include quota
  note_quota(job, ARGV[16], ARGV[26], ARGV[25])
end
-- Another instance sends it, and is given all that it takes. A large audio, or one for an instance that is behind,
-- would stand twice in memory: then it is looked up.
local CARRIED_BYTES, CARRIED_ENTRIES = 32768, 500
local function tell_other_instance()
  if ARGV[22] == '' or #ARGV[22] > CARRIED_BYTES or redis.call('XLEN', key('inbox', node.owner)) >= CARRIED_ENTRIES then
    return tell_dispatch(job, node)
  end
  tell_dispatch(job, node, 'spec', ARGV[12], 'semantic', job.semantic, 'tried', job.tried, 'created_ms', now,
    'audio', ARGV[13], 'data', ARGV[22])
end

if node then
  assign(job, node, node.owner == ARGV[3])
  if node.owner ~= ARGV[3] then
    tell_other_instance()
  end
else
  wait_in_line()
end
return ended {1, job.id, order, job.state, job.attempt, job.node or '', node and node.owner or '', job.semantic or '0',
  job.wait or 0}
