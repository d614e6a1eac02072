#!lua flags=allow-oom
-- Claim up to n messages for a worker, from partitions with a backlog and nothing in flight.
-- KEYS[1] {base}:meta   ARGV now, worker, cmsgpack map of what else there is to say of it:
--   count                    n
--   start                    the partition that is looked at first
--   visibility, liveness     after so long (ms) a message that nobody holds on to, or a worker, is given up
--   ahead                    whether the worker has other messages in hand
--   dead_letter_limit        how many are kept
--   largest                  payload that is taken (bytes)
-- Returns {locked partitions, ms until the next due message or -1, entries, suspects left}; an entry is
-- {stream, id, payload, ordering key, attempts, deliveries, first sent (ms), expires at (ms),
-- id of the message that it repeats or '', id that its sender was given, 1 where it was tried and
-- given back, when it was sent by the steady clock}.
-- What came too late is dropped and counted, not claimed. What is no message of ours (anybody may write into a
-- stream) becomes a dead letter as it lies there. A suspect is a message that a dead worker held, or that was
-- tried and given back: it comes first, and alone.
-- allow-oom: a broker whose memory is full must be able to let messages out.
local worker, options = ARGV[2], cmsgpack.unpack(ARGV[3])
local free, start, visibility = options.count, options.start, options.visibility
local now, wall = clock()
local meta = redis.call('HMGET', KEYS[1], 'oldest', 'newest', 'awake', 'off', 'off_at')
local oldest, newest = tonumber(meta[1]), tonumber(meta[2])
if not newest then return {0, -1, {}, 0} end

local counts = {}
local function count(what) counts[what] = (counts[what] or 0) + 1 end

-- Keep what is no message, with all its fields, out of the way of the rest; ms is when it came.
local function set_apart(id, ms, fields, reason)
  redis.call('XADD', base .. ':dead', '*', 'error', 'not a message of Bus: ' .. reason, 'attempts', '0',
    'sent_at', ms, 'message_id', id, 'raw', cmsgpack.pack(fields))
  count('dead')
end

-- Digits alone, and no more than a number holds exactly: Lua would take '0x1f', 'nan' and '1e999', too.
local function whole(value) return value == nil or (#value < 16 and string.match(value, '^%d+$') ~= nil) end

-- What keeps a packed message from being put back, or nil.
local function unfit(kept)
  if type(kept) ~= 'table' then return 'it cannot be unpacked' end
  for position = 1, 8 do
    local kind = type(kept[position])
    if kind ~= 'string' and kind ~= 'number' and (position < 6 or kind ~= 'nil') then
      return 'it has no value ' .. position
    end
  end
end

-- What was set aside and is due goes back to the end of its partition.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. ':due', '-inf', now, 'LIMIT', 0, free)) do
  local packed = redis.call('HGET', base .. ':later', id)
  local ok, kept = pcall(cmsgpack.unpack, packed or '')
  local wrong = packed and unfit(ok and kept)
  if wrong then
    set_apart(id, wall, {'later', packed}, wrong)
  elseif packed then
    redis.call('XADD', stream_of(newest, partition_of(kept[2], partitions_of(newest))), '*',
      'm', kept[1], 'k', kept[2], 'x', kept[5], 'n', kept[3], 'f', kept[4], 'r', kept[6] or '', 'i', kept[7] or id,
      't', kept[8] or kept[4])
  end
  redis.call('HDEL', base .. ':later', id)
  redis.call('ZREM', base .. ':due', id)
end

local claimed, locked = {}, 0

-- What is wrong with an entry, or nil.
local function wrong(fields)
  if not fields.m then return 'it has no field m, which is the payload' end
  if #fields.m > options.largest then return 'its payload has ' .. #fields.m .. ' bytes' end
  for _, name in ipairs({'n', 'x', 'f', 't'}) do
    if not whole(fields[name]) then return 'its field ' .. name .. ' is no whole number' end
  end
end

local function take(stream, entry, deliveries, tried)
  local fields = by_name(entry[2])
  -- An id may have been given by hand, far from any time.
  local came = math.min(tonumber(string.match(entry[1], '^%d+')), wall)
  local reason = wrong(fields)
  if reason then
    set_apart(entry[1], digits(came), entry[2], reason)
    return remove(stream, entry[1])
  end
  local expires = tonumber(fields.x or 0)
  if expires > 0 and expires <= now then
    count('expired')
    return remove(stream, entry[1])
  end
  -- To those who read a calendar, in the time of this machine's clock.
  if expires > 0 then expires = math.max(1, expires - (now - wall)) end
  local sent_at = math.min(tonumber(fields.f or came), wall)
  claimed[#claimed + 1] = {stream, entry[1], fields.m, fields.k or '', tonumber(fields.n or 0), deliveries,
    sent_at, digits(expires), fields.r or '',
    fields.i or entry[1], tried, math.min(tonumber(fields.t or sent_at + (now - wall)), now)}
  free = free - 1
end

-- Nobody is called dead who had no time to beat yet since the broker is back. A silence of all workers
-- was the broker's: beat.lua sees it, too, but a claim may come before the first beat.
local awake = tonumber(meta[3] or 0)
local last = redis.call('ZREVRANGE', base .. ':workers', 0, 0, 'WITHSCORES')
if last[2] and tonumber(last[2]) < now - 3000 and awake < tonumber(last[2]) then
  awake = now
  redis.call('HSET', KEYS[1], 'awake', now)
end
local waking = now - awake < 3000
-- The worker beats for all its consumers, and who claims lives.
redis.call('ZADD', base .. ':workers', 'XX', now, worker_of(worker))

-- How long a message is idle the broker counts by the clock of this machine: for a while after that was set it
-- says nothing.
local off, off_at = tonumber(meta[4] or 0), tonumber(meta[5] or 0)
if math.abs(now - wall - off) >= 2000 then
  off_at = now
  redis.call('HSET', KEYS[1], 'off', now - wall, 'off_at', now)
end
local set_lately = now - off_at < visibility

local function orphaned(consumer, idle)
  if consumer == '-' then return true end
  if waking then return false end
  if idle >= visibility and not set_lately then return true end
  local beat = redis.call('ZSCORE', base .. ':workers', worker_of(consumer))
  return not beat or tonumber(beat) < now - options.liveness
end

-- The streams that may be read now: {name, its oldest entry in flight or nil}. One of a newer generation
-- opens once all that may hold its keys in older ones are empty: with c and n partitions, those that are
-- the same modulo their greatest common divisor.
local function divisor(a, b)
  while b > 0 do a, b = b, a % b end
  return a
end
local open, older = {}, {}
for generation = oldest, newest do
  local count, filled = partitions_of(generation), {}
  local shut = {}
  for _, other in ipairs(older) do
    local common = divisor(other.count, count)
    local taken = {}
    for _, partition in ipairs(other.filled) do taken[partition % common] = true end
    shut[#shut + 1] = {common, taken}
  end
  for offset = 0, count - 1 do
    local partition = (start + offset) % count
    local stream = stream_of(generation, partition)
    if redis.call('XLEN', stream) > 0 then
      filled[#filled + 1] = partition
      local behind = false
      for _, each in ipairs(shut) do behind = behind or each[2][partition % each[1]] end
      if not behind then
        local pending = redis.pcall('XPENDING', stream, 'bus', '-', '+', 1)
        if pending.err then
          redis.call('XGROUP', 'CREATE', stream, 'bus', '0', 'MKSTREAM')
          pending = {}
        end
        open[#open + 1] = {stream, pending[1]}
      end
    end
  end
  if #filled == 0 and generation == oldest and generation < newest then
    for partition = 0, count - 1 do redis.call('DEL', stream_of(generation, partition)) end
    redis.call('HDEL', KEYS[1], 'partitions:' .. generation)
    oldest = generation + 1
    redis.call('HSET', KEYS[1], 'oldest', oldest)
  end
  older[#older + 1] = {count = count, filled = filled}
end

-- First what others left behind: it is the oldest, and a lasting backlog must not keep it waiting.
local suspects = 0
for _, each in ipairs(open) do
  local stream, head = each[1], each[2]
  if not head then
    -- Nothing is in flight.
  elseif not orphaned(head[2], head[3]) then
    each[2], locked = 'locked', locked + 1
  elseif head[2] ~= '-' or head[4] > 0 then
    each[2] = 'locked'
    if #claimed > 0 or options.ahead then
      -- Its worker died with it, and the next one may, too: not in one hand with others.
      locked, suspects = locked + 1, suspects + 1
    else
      -- Alone, so that a message that kills is told from its neighbours. What was tried and given back
      -- is no attempt more.
      local tried = head[2] == '-' and 1 or 0
      local deliveries = head[4] + 1 - tried
      local entry = redis.call('XCLAIM', stream, 'bus', worker, 0, head[1], 'RETRYCOUNT', deliveries)
      if entry[1] then take(stream, entry[1], deliveries, tried) end
      if #claimed == 0 then locked = locked + 1 end
    end
  end
end
if #claimed > 0 then free = 0 end

for _, each in ipairs(open) do
  local stream, head = each[1], each[2]
  if free <= 0 then break end
  if not head then
    local read = redis.call('XREADGROUP', 'GROUP', 'bus', worker, 'COUNT', free, 'STREAMS', stream, '>')
    if read then
      for _, entry in ipairs(read[1][2]) do take(stream, entry, 1, 0) end
    end
  elseif head ~= 'locked' then
    -- Handed back unseen: take the run of them together, as on the first delivery.
    for _, row in ipairs(redis.call('XPENDING', stream, 'bus', '-', '+', free)) do
      if row[2] ~= '-' or row[4] ~= 0 then break end
      local entry = redis.call('XCLAIM', stream, 'bus', worker, 0, row[1], 'RETRYCOUNT', 1)
      if entry[1] then take(stream, entry[1], 1, 0) end
    end
  end
end

local due = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')
local wait = due[2] and math.min(math.max(0, tonumber(due[2]) - now), 1e9) or -1
if counts.dead then
  local trimmed = redis.call('XTRIM', base .. ':dead', 'MAXLEN', options.dead_letter_limit)
  if trimmed > 0 then counts.trimmed = trimmed end
end
for what, number in pairs(counts) do
  -- Last, and allowed to fail, as in settle.lua.
  redis.pcall('HINCRBY', base .. ':counts', what, number)
  -- Behind them there may be more.
  wait = 0
end
return {locked, wait, claimed, suspects}
