-- Keep one more text under each of many names, and the newest few alone, for a while.
-- KEYS[1] {base}:meta   ARGV now, how many are kept, how long (ms), then key, text ...
-- How long goes by the steady clock: what expires by itself goes by the other, and that may be set ahead.
local now, ages = clock(), base .. ':ages'
local week = 7 * 86400000
for i = 4, #ARGV, 2 do
  redis.call('RPUSH', ARGV[i], ARGV[i + 1])
  redis.call('LTRIM', ARGV[i], -tonumber(ARGV[2]), -1)
  redis.call('PEXPIRE', ARGV[i], week)
  redis.call('ZADD', ages, now, ARGV[i])
end
redis.call('PEXPIRE', ages, week)
-- More than came, so that they do not grow.
for _, key in ipairs(redis.call('ZRANGEBYSCORE', ages, '-inf', now - ARGV[3], 'LIMIT', 0, #ARGV + 10)) do
  redis.call('DEL', key)
  redis.call('ZREM', ages, key)
end
return #ARGV
