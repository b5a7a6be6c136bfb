-- link: the index requirement <-> pools, kept by whoever sees a new one first.
--@include waiting
local MOST_POOLS = 32 -- a reservation looks at each; more would grow its cost

local function link(requirement, json, pools)
  redis.call('HSETNX', PREFIX .. 'requirements', requirement, json)
  for _, pool in ipairs(pools) do
    if redis.call('SCARD', key('reqpools', requirement)) < MOST_POOLS then
      redis.call('SADD', key('reqpools', requirement), pool)
    end
  end
  if redis.call('EXISTS', key('waiting', requirement)) == 1 then
    note_head(requirement)
  end
end
