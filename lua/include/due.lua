-- due: everything that must happen by itself stands in one index; whoever comes by settles what is due.

local function settle(most)
  local first = redis.call('ZRANGE', PREFIX .. 'deadlines', 0, 0, 'WITHSCORES')
  if first[1] and tonumber(first[2]) <= now then
    --@include settle
    settle_due(most)
  end
end
