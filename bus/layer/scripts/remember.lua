-- Keep one more text of an author, and the newest few alone, for a while.
-- KEYS[1] unused   ARGV key, text, how many are kept, time to live (ms)
redis.call('RPUSH', ARGV[1], ARGV[2])
redis.call('LTRIM', ARGV[1], -tonumber(ARGV[3]), -1)
redis.call('PEXPIRE', ARGV[1], ARGV[4])
return 1
