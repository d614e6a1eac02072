-- Give back what a worker holds in the broker but not in its hands: a claim whose answer was lost.
-- KEYS[1] {base}:meta   ARGV now, worker, then the ids in its hands as 'stream id' ...
local known, returned = {}, 0
for i = 3, #ARGV do known[ARGV[i]] = true end
local meta = redis.call('HMGET', KEYS[1], 'oldest', 'newest')
if not meta[2] then return 0 end
for generation = tonumber(meta[1]), tonumber(meta[2]) do
  for partition = 0, tonumber(redis.call('HGET', KEYS[1], 'partitions:' .. generation)) - 1 do
    local stream = base .. ':' .. generation .. ':' .. partition
    local rows = redis.pcall('XPENDING', stream, 'bus', '-', '+', 10000, ARGV[2])
    for _, row in ipairs(rows.err and {} or rows) do
      if not known[stream .. ' ' .. row[1]] then
        -- 0 is unseen; any other is taken up alone and with that count.
        local count = row[4] == 1 and 0 or row[4]
        redis.call('XCLAIM', stream, 'bus', '-', 0, row[1], 'RETRYCOUNT', count, 'JUSTID')
        returned = returned + 1
      end
    end
  end
end
if returned > 0 then redis.call('PUBLISH', base .. ':wake', '') end
return returned
