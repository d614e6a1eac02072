-- Forget a worker that stopped, and every consumer name that holds nothing and lives no more.
-- KEYS[1] {base}:meta   ARGV now, worker
redis.call('ZREM', base .. ':workers', ARGV[2])
redis.call('HDEL', base .. ':about', ARGV[2])
local meta = redis.call('HMGET', KEYS[1], 'oldest', 'newest')
if not meta[2] then return 0 end
local forgotten = 0
for generation = tonumber(meta[1]), tonumber(meta[2]) do
  for partition = 0, tonumber(redis.call('HGET', KEYS[1], 'partitions:' .. generation)) - 1 do
    local stream = base .. ':' .. generation .. ':' .. partition
    local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, 'bus')
    for _, row in ipairs(consumers.err and {} or consumers) do
      local consumer = {}
      for i = 1, #row, 2 do consumer[row[i]] = row[i + 1] end
      -- Dropping a consumer drops what it holds: only those with empty hands go.
      local worker = string.match(consumer.name, '^[^/]*')
      if consumer.pending == 0 and not redis.call('ZSCORE', base .. ':workers', worker) then
        redis.call('XGROUP', 'DELCONSUMER', stream, 'bus', consumer.name)
        forgotten = forgotten + 1
      end
    end
  end
end
return forgotten
