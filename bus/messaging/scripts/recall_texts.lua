-- The texts that are kept under each of many names, oldest first and a line each: one answer for many
-- texts is read in less time.
-- KEYS[1] {base}:meta   ARGV now, how long they are kept (ms), then the keys
local found, oldest = {}, clock() - ARGV[2]
for i = 3, #ARGV do
  local at = redis.call('ZSCORE', base .. ':ages', ARGV[i])
  local kept = not at or tonumber(at) >= oldest
  found[i - 2] = kept and table.concat(redis.call('LRANGE', ARGV[i], 0, -1), '\n') or ''
end
return found
