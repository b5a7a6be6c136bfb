-- class_moved: note that all nodes of a class stand in its pools, unless those were changed again meanwhile.
--
-- KEYS
--   1 cell   root hash of the cell
-- ARGV
--   1 class  class id
--   2 pools  the pools they were moved to
-- REPLY
--   {1} they stand there | {0} they are to be moved again
local cell, KNOWN = KEYS[1], {}
--@include ground
local wanted = redis.call('HGET', PREFIX .. 'movingclasses', ARGV[1])
if wanted and wanted ~= ARGV[2] then
  return {0}
end
redis.call('HDEL', PREFIX .. 'movingclasses', ARGV[1])
return {1}
