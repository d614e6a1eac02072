-- Append one message to a channel; refuse when the channel is full.
-- KEYS[1] {base}:meta   ARGV now, payload, cmsgpack map of what else there is to say of it:
--   capacity, partitions     of the channel
--   ordering_key
--   due, expires             {at = ms since 1970} or {after = ms from now}; nil is at once, and never
--   idempotency_key          the sender's own name of this send, and for how long it is known (ms)
--   repeats_known_for
--   replayed_from            id of the message that it repeats
--   sender, number           who sends, and the number of this send (see send_log.py)
--   confirmed                the number of one that the sender was told is here
--   number_for               how long the number is kept (ms)
-- Returns the entry's id; under a name that is known, the first entry's, and appends nothing. Raises BUSFULL;
-- BUSLOST with the last number that is known, where that is less than the sender was told.
local payload, options = ARGV[2], cmsgpack.unpack(ARGV[3])
local key, replayed_from = options.ordering_key, options.replayed_from or ''
local sender = options.sender and base .. ':sender:' .. options.sender
local number = sender and tonumber(redis.call('GET', sender) or 0)
if sender and number < options.confirmed then return redis.error_reply('BUSLOST ' .. number) end
local once = options.idempotency_key and base .. ':once:' .. options.idempotency_key
local now, wall = clock()
-- Known by the steady clock; where the other is set ahead, the key is gone so much sooner.
local known = once and redis.call('GET', once)
if known then
  local first, at = string.match(known, '^(%S+) (%d+)$')
  if not first or now - tonumber(at) < options.repeats_known_for then return first or known end
end

-- By the steady clock; 0 where there is none.
local function steady(moment)
  if not moment then return 0 end
  -- What is relative is counted by this clock, whatever the sender's says.
  if moment.after then return now + moment.after end
  -- What is absolute is of the calendar that this machine's clock shows now.
  return math.max(1, moment.at + (now - wall))
end
local due, expires = steady(options.due), steady(options.expires)

local oldest, newest = generations()
oldest, newest = tonumber(oldest), tonumber(newest)
local partitions = newest and partitions_of(newest)
if not partitions or partitions < options.partitions then
  -- More partitions are a new generation: it is read only once the older ones are empty.
  newest = (newest or 0) + 1
  oldest = oldest or newest
  partitions = options.partitions
  redis.call('HSET', KEYS[1], 'oldest', oldest, 'newest', newest, 'partitions:' .. newest, partitions)
end

local waiting = held_in(oldest, newest)
if waiting >= options.capacity then
  -- A replay waits and asks again: nobody was refused.
  if replayed_from == '' then redis.pcall('HINCRBY', base .. ':counts', 'refused', 1) end
  return redis.error_reply('BUSFULL ' .. waiting)
end

-- Allowed to fail: a count that somebody else has spoilt must refuse nobody.
redis.pcall('HINCRBY', base .. ':counts', 'sent', 1)
-- A slot of 10 s, kept as long as stats.lua looks back.
local rate = base .. ':rate:' .. math.floor(now / 10000)
if redis.pcall('HINCRBY', rate, 'sent', 1) == 1 then redis.call('PEXPIRE', rate, 80000) end

local function known_now(id)
  if sender then redis.call('SET', sender, math.max(number, options.number), 'PX', options.number_for) end
  if once then redis.call('SET', once, id .. ' ' .. digits(now), 'PX', options.repeats_known_for) end
  if redis.call('EXISTS', base .. ':tap') == 1 then
    redis.call('PUBLISH', base .. ':tap', cmsgpack.pack({id, payload, key, wall,
      due > 0 and due - (now - wall) or 0, replayed_from}))
  end
  return id
end

if due > now then
  local id = set_aside(due, {payload, key, 0, wall, digits(expires), replayed_from, nil, now})
  wake()
  return known_now(id)
end
local stream = stream_of(newest, partition_of(key, partitions))
local idle = redis.call('XLEN', stream) == 0
local fields = {'m', payload, 'k', key, 'x', digits(expires), 't', digits(now)}
if replayed_from ~= '' then fields[9], fields[10] = 'r', replayed_from end
local id = redis.call('XADD', stream, '*', unpack(fields))
if idle then wake() end
return known_now(id)
