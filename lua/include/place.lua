-- place: jobs that wait for a requirement, after it found new pools or a job changed its wishes.
--@include jobs
--@include assign
--@include choose
--@include waiting
local PLACED_AT_ONCE = 64 -- bounds one script; what is left stands in the index of deadlines

-- The first waiting job that can be placed and its node, looking past jobs that exclude every free one.
local function first_placement(requirement)
  local pools = pools_of(requirement)
  for _, id in ipairs(redis.call('ZRANGE', key('waiting', requirement), 0, LOOKS - 1)) do
    local job = read_job(id)
    local node = choose(pools, job, '')
    if node then
      return job, node
    end
  end
end

local function place(job, node)
  take(job)
  assign(job, node)
  tell_dispatch(job, node)
end

local function place_waiting(requirement)
  for _ = 1, PLACED_AT_ONCE do
    local job, node = first_placement(requirement)
    if not job then
      return
    end
    place(job, node)
  end
  redis.call('ZADD', PREFIX .. 'deadlines', now, 'r|' .. requirement)
end
