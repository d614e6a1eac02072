-- The texts that are kept under each of many names, oldest first.
-- KEYS[1] unused   ARGV unused, then the keys
local found = {}
for i = 2, #ARGV do found[i - 1] = redis.call('LRANGE', ARGV[i], 0, -1) end
return found
