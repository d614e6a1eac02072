-- Take handled, failed or given-up messages out of their streams, in one step.
-- KEYS[1] {base}:meta   ARGV base, dead letters kept, then cmsgpack rows:
--   {'done', stream, id}
--   {'later', stream, id, due (ms from now), payload, ordering key, attempts, first sent (ms), expires at}
--   {'dead', stream, id, field, value, ...}
--   {'expired', stream, id}
-- A row whose entry somebody else has finished already does nothing. Returns how many rows counted.
local base = ARGV[1]
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local counts = {}
local finished = 0
for i = 3, #ARGV do
  local row = cmsgpack.unpack(ARGV[i])
  local what, stream, id = row[1], row[2], row[3]
  if redis.call('XACK', stream, 'bus', id) == 1 then
    redis.call('XDEL', stream, id)
    finished = finished + 1
    counts[what] = (counts[what] or 0) + 1
    if what == 'later' then
      local key = redis.call('HINCRBY', KEYS[1], 'later', 1)
      redis.call('HSET', base .. ':later', key, cmsgpack.pack({row[5], row[6], row[7], row[8], row[9]}))
      redis.call('ZADD', base .. ':due', now + row[4], key)
    elseif what == 'dead' then
      redis.call('XADD', base .. ':dead', '*', unpack(row, 4))
    end
  end
end
if counts.dead then
  local trimmed = redis.call('XTRIM', base .. ':dead', 'MAXLEN', ARGV[2])
  if trimmed > 0 then counts.trimmed = trimmed end
end
-- Last, and allowed to fail: with its memory full a broker still lets messages out.
for what, count in pairs(counts) do redis.pcall('HINCRBY', base .. ':counts', what, count) end
return finished
