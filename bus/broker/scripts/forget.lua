-- Drop handled messages from what is kept for a replay.
-- KEYS[1] {base}:meta   ARGV now, then ids. Returns how many there were.
local handled, dropped, bytes = base .. ':history', 0, 0
for i = 2, #ARGV do
  local entry = redis.call('XRANGE', handled, ARGV[i], ARGV[i])[1]
  if entry then
    bytes = bytes + size_of(entry[2])
    dropped = dropped + redis.call('XDEL', handled, ARGV[i])
  end
end
local size = tonumber(redis.call('GET', handled .. ':size') or 0) or 0
if dropped > 0 and size > 0 then redis.call('SET', handled .. ':size', math.max(0, size - bytes), 'KEEPTTL') end
return dropped
