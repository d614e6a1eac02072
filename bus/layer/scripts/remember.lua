-- Keep one more text under each of many names, and the newest few alone, for a while.
-- KEYS[1] unused   ARGV unused, how many are kept, time to live (ms), then key, text ...
for i = 4, #ARGV, 2 do
  redis.call('RPUSH', ARGV[i], ARGV[i + 1])
  redis.call('LTRIM', ARGV[i], -tonumber(ARGV[2]), -1)
  redis.call('PEXPIRE', ARGV[i], ARGV[3])
end
return #ARGV
