-- Append one message to a channel; refuse when the channel is full.
-- KEYS[1] {base}:meta   ARGV now, partitions, capacity, payload, ordering key, not before (ms), expires at (ms),
-- id of the message that it repeats or '', delay (ms), time to live (ms) or '', the sender's own name of this send or '',
-- how long that name is kept (ms), the sender or '', the number of this send, the number of one that the sender
-- was told is here, how long the number is kept (ms)
-- Returns the entry's id; under a name that is known, the first entry's, and appends nothing. Raises BUSFULL;
-- BUSLOST with the last number that is known, where that is less than the sender was told (see ledger.py).
local sender = (ARGV[13] or '') ~= '' and base .. ':sender:' .. ARGV[13]
local number = sender and tonumber(redis.call('GET', sender) or 0)
if sender and number < tonumber(ARGV[15]) then return redis.error_reply('BUSLOST ' .. number) end
local once = ARGV[11] ~= '' and base .. ':once:' .. ARGV[11]
local now, wall = clock()
-- Known by the steady clock; where the other is set ahead, the key is gone so much sooner.
local known = once and redis.call('GET', once)
if known then
  local first, at = string.match(known, '^(%S+) (%d+)$')
  if not first or now - tonumber(at) < tonumber(ARGV[12]) then return first or known end
end
-- What is relative is counted by this clock, whatever the sender's says.
local not_before, expires_at = tonumber(ARGV[6]), tonumber(ARGV[7])
-- What is absolute is of the calendar that this machine's clock shows now.
if not_before > 0 then not_before = not_before + (now - wall) end
if expires_at > 0 then expires_at = math.max(1, expires_at + (now - wall)) end
if tonumber(ARGV[9]) > 0 then not_before = now + tonumber(ARGV[9]) end
if ARGV[10] ~= '' then expires_at = now + tonumber(ARGV[10]) end
local meta = redis.call('HMGET', KEYS[1], 'oldest', 'newest')
local oldest, newest = tonumber(meta[1]), tonumber(meta[2])
local partitions = newest and tonumber(redis.call('HGET', KEYS[1], 'partitions:' .. newest))
if not partitions or partitions < tonumber(ARGV[2]) then
  -- More partitions are a new generation: it is read only once the older ones are empty.
  newest = (newest or 0) + 1
  oldest = oldest or newest
  partitions = tonumber(ARGV[2])
  redis.call('HSET', KEYS[1], 'oldest', oldest, 'newest', newest, 'partitions:' .. newest, partitions)
end

local waiting = redis.call('ZCARD', base .. ':due')
for generation = oldest, newest do
  local count = generation == newest and partitions
    or tonumber(redis.call('HGET', KEYS[1], 'partitions:' .. generation))
  for partition = 0, count - 1 do
    waiting = waiting + redis.call('XLEN', base .. ':' .. generation .. ':' .. partition)
  end
end
if waiting >= tonumber(ARGV[3]) then
  -- A replay waits and asks again: nobody was refused.
  if ARGV[8] == '' then redis.pcall('HINCRBY', base .. ':counts', 'refused', 1) end
  return redis.error_reply('BUSFULL ' .. waiting)
end

-- Allowed to fail: a count that somebody else has spoilt must refuse nobody.
redis.pcall('HINCRBY', base .. ':counts', 'sent', 1)
-- A slot of 10 s, kept as long as stats.lua looks back.
local rate = base .. ':rate:' .. math.floor(now / 10000)
if redis.pcall('HINCRBY', rate, 'sent', 1) == 1 then redis.call('PEXPIRE', rate, 80000) end

local function tell(id)
  if sender then redis.call('SET', sender, math.max(number, tonumber(ARGV[14])), 'PX', ARGV[16]) end
  if once then redis.call('SET', once, id .. ' ' .. string.format('%.0f', now), 'PX', ARGV[12]) end
  if redis.call('EXISTS', base .. ':tap') == 1 then
    redis.call('PUBLISH', base .. ':tap', cmsgpack.pack({id, ARGV[4], ARGV[5], wall,
      not_before > 0 and not_before - (now - wall) or 0, ARGV[8]}))
  end
  return id
end

if not_before > now then
  local id = redis.call('HINCRBY', KEYS[1], 'later', 1)
  -- What is due at the same time comes in the order of its text.
  local key = string.format('%016d', id)
  redis.call('HSET', base .. ':later', key, cmsgpack.pack({ARGV[4], ARGV[5], 0, wall, string.format('%.0f', expires_at), ARGV[8],
    'later-' .. id, now}))
  redis.call('ZADD', base .. ':due', not_before, key)
  redis.call('PUBLISH', base .. ':wake', '')
  return tell('later-' .. id)
end
local partition = tonumber(string.sub(redis.sha1hex(ARGV[5]), 1, 8), 16) % partitions
local stream = base .. ':' .. newest .. ':' .. partition
local idle = redis.call('XLEN', stream) == 0
local entry = {'m', ARGV[4], 'k', ARGV[5], 'x', string.format('%.0f', expires_at), 't', string.format('%.0f', now)}
if ARGV[8] ~= '' then entry[9], entry[10] = 'r', ARGV[8] end
local id = redis.call('XADD', stream, '*', unpack(entry))
if idle then redis.call('PUBLISH', base .. ':wake', '') end
return tell(id)
