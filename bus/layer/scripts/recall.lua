-- The texts that are kept under each of many names, oldest first and a line each: one answer for many
-- texts is read in less time.
-- KEYS[1] unused   ARGV unused, then the keys
local found = {}
for i = 2, #ARGV do found[i - 1] = table.concat(redis.call('LRANGE', ARGV[i], 0, -1), '\n') end
return found
