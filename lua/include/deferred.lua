-- deferred: counters that were read before are written once, as the script ends: each of its replies is `ended`.
put_off = {}

local function ended(reply)
  local fields = {}
  for name, value in pairs(put_off) do
    fields[#fields + 1], fields[#fields + 2] = name, value
  end
  if fields[1] then
    redis.call('HSET', cell, unpack(fields))
  end
  return reply
end
