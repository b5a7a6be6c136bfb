-- release_results: append the contiguous run of results to the session's out stream, stamped with their group.
--
-- A batch: asked again it goes on where it stopped.
-- KEYS
--   1 cell     root hash of the cell
--   2 session  record of the session
--   3 ready    messages of this session and language that wait for their turn
-- ARGV
--   1 session  session id
--   2 tgt      target language
--   3 most     results at most
-- REPLY
--   {1, next order number to release, 1 if more is ready}
local cell, KNOWN = KEYS[1], {}
--@include ground
--@include release
local turn = read_turn(KEYS[2], ARGV[2])
if not turn.owner then
  return {1, turn.order, 0}
end
local more = release_run(turn, ARGV[1], ARGV[2], KEYS[3], tonumber(ARGV[3]))
return {1, turn.order, more}
