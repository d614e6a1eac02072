-- Append messages to a channel, each as if it came alone; refuse those that find it full.
-- KEYS[1] {base}:meta   ARGV now, cmsgpack map of what the sends share, then for each its payload, and a cmsgpack
-- map of what else there is to say of it. The sends share:
--   capacity, partitions     of the channel
--   sender, number_for       who sends (see send_log.py), and how long the numbers of its sends are kept (ms)
-- Of each:
--   ordering_key
--   due, expires             {at = ms since 1970} or {after = ms from now}; nil is at once, and never
--   idempotency_key          the sender's own name of this send, and for how long it is known (ms)
--   repeats_known_for
--   replayed_from            id of the message that it repeats
--   number, confirmed        the number of this send, and that of one that the sender was told is here
-- Returns for each the entry's id; under a name that is known, the first entry's, and appends nothing; or an error:
-- BUSFULL; BUSLOST with the last number that is known, where that is less than the sender was told.
local shared = cmsgpack.unpack(ARGV[2])
local sender = base .. ':sender:' .. shared.sender
local number = tonumber(redis.call('GET', sender) or 0)
local first_number = number
local now, wall = clock()
local now_text = digits(now)
local tapped = redis.call('EXISTS', base .. ':tap') == 1

local oldest, newest = generations()
oldest, newest = tonumber(oldest), tonumber(newest)
local partitions = newest and partitions_of(newest)
if not partitions or partitions < shared.partitions then
  -- More partitions are a new generation: it is read only once the older ones are empty.
  newest = (newest or 0) + 1
  oldest = oldest or newest
  partitions = shared.partitions
  redis.call('HSET', KEYS[1], 'oldest', oldest, 'newest', newest, 'partitions:' .. newest, partitions)
end

-- How many the channel holds at most: those that were counted, and all that were sent or put back since then, of
-- which every release keeps count; what is taken out makes it less. What somebody else has put in shows in the next
-- count. Counting asks every partition.
local kept = redis.pcall('HMGET', base .. ':counts', 'sent', 'retried', 'held', 'held_at')
local came, held, counted = nil, nil, false
if not kept.err then
  local sent, retried, held_at = tonumber(kept[1] or 0), tonumber(kept[2] or 0), tonumber(kept[4])
  came = sent and retried and sent + retried
  if came and held_at and came >= held_at and came - held_at < 1000 then held = tonumber(kept[3]) end
  if held then held = held + came - held_at end
end

local function is_full(capacity)
  if not counted and (not held or held >= capacity) then held, counted = held_in(oldest, newest), true end
  return held >= capacity
end

-- By the steady clock; 0 where there is none.
local function steady(moment)
  if not moment then return 0 end
  -- What is relative is counted by this clock, whatever the sender's says.
  if moment.after then return now + moment.after end
  -- What is absolute is of the calendar that this machine's clock shows now.
  return math.max(1, moment.at + (now - wall))
end

local sent, refused, awake, looked_at = 0, 0, false, {}

local function send(payload, options)
  local key, replayed_from = options.ordering_key, options.replayed_from or ''
  if options.number and number < options.confirmed then return {err = 'BUSLOST ' .. number} end
  local once = options.idempotency_key and base .. ':once:' .. options.idempotency_key
  -- Known by the steady clock; where the other is set ahead, the key is gone so much sooner.
  local known = once and redis.call('GET', once)
  if known then
    local first, at = string.match(known, '^(%S+) (%d+)$')
    if not first or now - tonumber(at) < options.repeats_known_for then return first or known end
  end
  if is_full(shared.capacity) then
    -- A replay waits and asks again: nobody was refused.
    if replayed_from == '' then refused = refused + 1 end
    return {err = 'BUSFULL ' .. held}
  end

  local due, expires, id = steady(options.due), steady(options.expires), nil
  if due > now then
    id = set_aside(due, {payload, key, 0, wall, digits(expires), replayed_from, nil, now})
    awake = true
  else
    local stream = stream_of(newest, partition_of(key, partitions))
    if not looked_at[stream] then
      looked_at[stream] = true
      awake = redis.call('XLEN', stream) == 0 or awake
    end
    local fields = {'m', payload, 'k', key, 'x', expires > 0 and digits(expires) or '0', 't', now_text}
    if replayed_from ~= '' then fields[9], fields[10] = 'r', replayed_from end
    id = redis.call('XADD', stream, '*', unpack(fields))
  end
  sent = sent + 1
  held = held + 1
  if options.number then number = math.max(number, options.number) end
  if once then redis.call('SET', once, id .. ' ' .. now_text, 'PX', options.repeats_known_for) end
  if tapped then
    redis.call('PUBLISH', base .. ':tap', cmsgpack.pack({id, payload, key, wall,
      due > 0 and due - (now - wall) or 0, replayed_from}))
  end
  return id
end

local answers = {}
for i = 3, #ARGV, 2 do
  -- Keys that somebody else has spoilt are this message's trouble, and none of the others'.
  local ok, answer = pcall(send, ARGV[i], cmsgpack.unpack(ARGV[i + 1]))
  answers[#answers + 1] = ok and answer or {err = type(answer) == 'table' and answer.err or answer}
end

if number > first_number then redis.call('SET', sender, number, 'PX', shared.number_for) end
-- Allowed to fail: a count that somebody else has spoilt must refuse nobody.
if refused > 0 then redis.pcall('HINCRBY', base .. ':counts', 'refused', refused) end
if sent > 0 then
  if type(redis.pcall('HINCRBY', base .. ':counts', 'sent', sent)) ~= 'number' then came = nil end
  -- A slot of 10 s, kept as long as stats.lua looks back.
  local rate = base .. ':rate:' .. math.floor(now / 10000)
  if redis.pcall('HINCRBY', rate, 'sent', sent) == sent then redis.call('PEXPIRE', rate, 80000) end
end
if not came then
  redis.pcall('HDEL', base .. ':counts', 'held')
elseif counted then
  redis.pcall('HSET', base .. ':counts', 'held', held, 'held_at', digits(came + sent))
end
if awake then wake() end
return answers
