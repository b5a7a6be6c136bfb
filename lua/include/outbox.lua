-- outbox: work for the background, recorded in the same step; the Celery message only says "look".

local function note_dirty(node_id, record)
  if redis.call('HGET', record, 'dirty') ~= '1' then
    redis.call('HSET', record, 'dirty', '1')
    redis.call('XADD', key('outbox', 'nodes'), '*', 'node', node_id)
  end
end
