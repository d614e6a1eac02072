-- Give back what a worker holds in the broker but not in its hands: a claim whose answer was lost.
-- KEYS[1] {base}:meta   ARGV now, worker, then the ids in its hands as 'stream id' ...
-- Returns how many it gave back.
local known, returned = {}, 0
for i = 3, #ARGV do known[ARGV[i]] = true end
local oldest, newest = generations()
if not newest then return 0 end
each_stream(oldest, newest, function(stream)
  local rows = redis.pcall('XPENDING', stream, 'bus', '-', '+', 10000, ARGV[2])
  for _, row in ipairs(rows.err and {} or rows) do
    if not known[stream .. ' ' .. row[1]] then
      give_back(stream, row[1], row[4] == 1 and 0 or row[4])
      returned = returned + 1
    end
  end
end)
if returned > 0 then wake() end
return returned
