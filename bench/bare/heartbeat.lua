-- Note that a node lives. KEYS: its record. ARGV: its clock in ms, CPU use in %.
redis.call('HSET', KEYS[1], 'beat_ms', ARGV[1], 'cpu', ARGV[2])
redis.call('PEXPIRE', KEYS[1], 60000)
return 'ready'
