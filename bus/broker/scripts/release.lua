-- Give claimed messages back, at once and in order, without counting an attempt.
-- KEYS[1] {base}:meta   ARGV now, worker, then stream, id, deliveries so far, 0 where it is unseen ...
local returned = 0
for i = 3, #ARGV, 3 do
  local held = redis.pcall('XPENDING', ARGV[i], 'bus', ARGV[i + 1], ARGV[i + 1], 1, ARGV[2])
  if not held.err and #held == 1 then
    redis.call('XCLAIM', ARGV[i], 'bus', '-', 0, ARGV[i + 1], 'RETRYCOUNT', ARGV[i + 2], 'JUSTID')
    returned = returned + 1
  end
end
redis.call('PUBLISH', base .. ':wake', '')
return returned
