-- Forget a worker that stopped, and every consumer name that holds nothing and lives no more.
-- KEYS[1] {base}:meta   ARGV now, worker. Returns how many names it forgot.
redis.call('ZREM', base .. ':workers', ARGV[2])
redis.call('HDEL', base .. ':about', ARGV[2])
local oldest, newest = generations()
if not newest then return 0 end
local forgotten = 0
each_stream(oldest, newest, function(stream)
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, 'bus')
  for _, row in ipairs(consumers.err and {} or consumers) do
    local consumer = by_name(row)
    -- Dropping a consumer drops what it holds: only those with empty hands go.
    if consumer.pending == 0 and not redis.call('ZSCORE', base .. ':workers', worker_of(consumer.name)) then
      redis.call('XGROUP', 'DELCONSUMER', stream, 'bus', consumer.name)
      forgotten = forgotten + 1
    end
  end
end)
return forgotten
