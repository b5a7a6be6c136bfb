-- put_body: store one audio or speech body under the byte budget and a time to live.
--
-- For a payload server of its own: where bodies live with the ledger, `reserve` and `complete` store them.
-- KEYS
--   1 cell      hash of the cell's name, which has the account of bodies; `clock` in tests
--   2 index     index of the bodies
--   3 body      the body
-- ARGV
--   1 name      its name
--   2 data      base64 text as it goes on the wire
--   3 ttl_ms    time to live, ms
--   4 budget    bytes the bodies may take in all
-- REPLY
--   {1} | {-11} over the budget
local cell = KEYS[1]
--@include bodies
local moment = read_moment()
write_off_lapsed(KEYS[2], moment)
local stored = store_body(KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4], moment)
return {stored and 1 or -11}
