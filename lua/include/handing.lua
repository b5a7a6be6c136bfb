-- handing: all that a process needs to send the jobs that its node was handed with its result. Wants `ground`.
local HANDED_FIELDS = {'state', 'attempt', 'node', 'session', 'spec', 'semantic', 'tried', 'created_ms', 'audio'}

-- Adds to the reply, for each job named in the words: job, attempt, spec, semantic, tried, created at (ms), name of its
-- audio, the audio ('' where it is not on this server), and '1' where the asker holds its session's socket too. Of a
-- repeated call jobs that went on since are left out.
local function add_handed(reply, words, node_id, asks)
  for id, attempt in string.gmatch(string.match(words, '^%S+ %S+(.*)$'), '(%S+) (%S+)') do
    local v = redis.call('HMGET', key('job', id), unpack(HANDED_FIELDS))
    if v[1] == 'dispatched' and v[2] == attempt and v[3] == node_id then
      local session = redis.call('HGET', key('session', v[4]), 'owner')
      local found = {id, attempt, v[5], v[6], v[7], v[8], v[9], redis.call('GET', key('body', v[9])) or '',
        session == asks and '1' or '0'}
      for _, value in ipairs(found) do
        reply[#reply + 1] = value
      end
    end
  end
  return reply
end
