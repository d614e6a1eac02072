-- What a channel holds and does, at a cost that does not grow with its backlog; changes nothing.
-- KEYS[1] {base}:meta   ARGV now, liveness (ms), how long a worker without a beat is shown (ms)
-- Returns {known, waiting, in flight, set aside, age of the oldest (ms) or -1, dead letters,
-- kept for a replay, {sent, done in the last minute}, {count, number, ...}, {worker, about, ...}}.
local now, wall = clock()
local first_generation, newest = generations()
local beats = {}
local rows = redis.call('ZRANGEBYSCORE', base .. ':workers', now - tonumber(ARGV[3]), '+inf', 'WITHSCORES')
for i = 1, #rows, 2 do beats[rows[i]] = tonumber(rows[i + 1]) end

local held, in_flight, oldest = 0, 0, wall
local function look(stream)
  held = held + redis.call('XLEN', stream)
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first then oldest = math.min(oldest, tonumber(string.match(first[1], '^%d+'))) end
  local pending = redis.pcall('XPENDING', stream, 'bus')
  if pending.err or not pending[4] then return end
  for _, row in ipairs(pending[4]) do
    -- What nobody holds any more, or a dead worker, waits.
    local beat = beats[worker_of(row[1])]
    if beat and beat >= now - tonumber(ARGV[2]) then in_flight = in_flight + tonumber(row[2]) end
  end
end
each_stream(first_generation or 1, newest or 0, look)

-- What is due waits, too, until a worker's next claim brings it back.
local due = redis.call('ZCOUNT', base .. ':due', '-inf', now)
local first_due = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')
if first_due[2] then oldest = math.min(oldest, tonumber(first_due[2]) - (now - wall)) end

-- Counted in slots of 10 s; of the oldest, the part that lies in the last 60 s.
local slot = math.floor(now / 10000)
local function rate(what)
  local total = 0
  for back = 0, 6 do
    local count = tonumber(redis.call('HGET', base .. ':rate:' .. (slot - back), what) or 0)
    if back == 6 then count = count * (1 - now % 10000 / 10000) end
    total = total + count
  end
  return tostring(total)
end

local workers = {}
for worker in pairs(beats) do
  local about = redis.call('HGET', base .. ':about', worker)
  if about then
    workers[#workers + 1] = worker
    workers[#workers + 1] = about
  end
end
local known = (newest or #workers > 0) and 1 or 0
local age = held + due > 0 and math.max(0, wall - oldest) or -1
return {known, held - in_flight + due, in_flight, redis.call('ZCARD', base .. ':due') - due, age,
  redis.call('XLEN', base .. ':dead'), redis.call('XLEN', base .. ':history'),
  {rate('sent'), rate('done')}, redis.call('HGETALL', base .. ':counts'), workers}
