#!lua flags=allow-oom
-- Claim up to n messages for a worker, from partitions with a backlog and nothing in flight.
-- KEYS[1] {base}:meta   ARGV base, worker, n, start, visibility (ms), liveness (ms), 1 where the worker
-- has other messages in hand
-- Returns {locked partitions, ms until the next due message or -1, entries}; an entry is
-- {stream, id, payload, ordering key, attempts, deliveries, first sent (ms), expires at (ms),
-- id of the message that it repeats or '', id that its sender was given, 1 where it was tried and
-- given back}. What came too late is dropped and counted, not claimed.
-- allow-oom: a broker whose memory is full must be able to let messages out.
local base, worker, room = ARGV[1], ARGV[2], tonumber(ARGV[3])
local start, visibility = tonumber(ARGV[4]), tonumber(ARGV[5])
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local meta = redis.call('HMGET', KEYS[1], 'oldest', 'newest', 'awake')
local oldest, newest = tonumber(meta[1]), tonumber(meta[2])
if not newest then return {0, -1, {}} end

local function partitions(generation)
  return tonumber(redis.call('HGET', KEYS[1], 'partitions:' .. generation))
end

-- What was set aside and is due goes back to the end of its partition.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. ':due', '-inf', now, 'LIMIT', 0, room)) do
  local packed = redis.call('HGET', base .. ':later', id)
  if packed then
    local kept = cmsgpack.unpack(packed)
    local partition = tonumber(string.sub(redis.sha1hex(kept[2]), 1, 8), 16) % partitions(newest)
    redis.call('XADD', base .. ':' .. newest .. ':' .. partition, '*',
      'm', kept[1], 'k', kept[2], 'x', kept[5], 'n', kept[3], 'f', kept[4], 'r', kept[6] or '', 'i', kept[7] or id)
  end
  redis.call('HDEL', base .. ':later', id)
  redis.call('ZREM', base .. ':due', id)
end

local claimed, locked, expired = {}, 0, 0

local function take(stream, entry, deliveries, tried)
  local fields = {}
  for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
  local expires = tonumber(fields.x or 0)
  if expires > 0 and expires <= now then
    redis.call('XACK', stream, 'bus', entry[1])
    redis.call('XDEL', stream, entry[1])
    expired = expired + 1
    return
  end
  claimed[#claimed + 1] = {stream, entry[1], fields.m or '', fields.k or '', tonumber(fields.n or 0), deliveries,
    tonumber(fields.f or string.match(entry[1], '^%d+')), fields.x or '0', fields.r or '',
    fields.i or entry[1], tried}
  room = room - 1
end

-- Nobody is called dead who had no time to beat yet since the broker is back; in ms.
local waking = now - tonumber(meta[3] or 0) < 2000

local function orphaned(consumer, idle)
  if consumer == '-' then return true end
  if waking then return false end
  if idle >= visibility then return true end
  -- A consumer is a lane of a worker, 'worker/number'; the worker beats for all of them.
  local beat = redis.call('ZSCORE', base .. ':workers', string.match(consumer, '^[^/]*'))
  return not beat or tonumber(beat) < now - tonumber(ARGV[6])
end

local function visit(stream)
  local pending = redis.pcall('XPENDING', stream, 'bus', '-', '+', 1)
  if pending.err then
    redis.call('XGROUP', 'CREATE', stream, 'bus', '0', 'MKSTREAM')
    pending = {}
  end
  if #pending == 0 then
    local read = redis.call('XREADGROUP', 'GROUP', 'bus', worker, 'COUNT', room, 'STREAMS', stream, '>')
    if read then
      for _, entry in ipairs(read[1][2]) do take(stream, entry, 1, 0) end
    end
  elseif not orphaned(pending[1][2], pending[1][3]) then
    locked = locked + 1
  elseif pending[1][2] == '-' and pending[1][4] == 0 then
    -- Handed back unseen: take the run of them together, as on the first delivery.
    for _, row in ipairs(redis.call('XPENDING', stream, 'bus', '-', '+', room)) do
      if row[2] ~= '-' or row[4] ~= 0 then break end
      local entry = redis.call('XCLAIM', stream, 'bus', worker, 0, row[1], 'RETRYCOUNT', 1)
      if entry[1] then take(stream, entry[1], 1, 0) end
    end
  elseif #claimed > 0 or ARGV[7] == '1' then
    -- Its worker died with it, and the next one may, too: not in one hand with others.
    locked = locked + 1
  else
    -- Alone, so that a message that kills is told from its neighbours. What was tried and given back
    -- is no attempt more.
    local tried = pending[1][2] == '-' and 1 or 0
    local deliveries = pending[1][4] + 1 - tried
    local entry = redis.call('XCLAIM', stream, 'bus', worker, 0, pending[1][1], 'RETRYCOUNT', deliveries)
    if entry[1] then
      take(stream, entry[1], deliveries, tried)
      room = 0
    else
      locked = locked + 1
    end
  end
end

while true do
  local count, waiting = partitions(oldest), false
  for offset = 0, count - 1 do
    local stream = base .. ':' .. oldest .. ':' .. (start + offset) % count
    if redis.call('XLEN', stream) > 0 then
      waiting = true
      if room > 0 then visit(stream) end
    end
  end
  if waiting or oldest == newest then break end
  for partition = 0, count - 1 do redis.call('DEL', base .. ':' .. oldest .. ':' .. partition) end
  redis.call('HDEL', KEYS[1], 'partitions:' .. oldest)
  oldest = oldest + 1
  redis.call('HSET', KEYS[1], 'oldest', oldest)
end

local due = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')
local wait = due[2] and math.max(0, tonumber(due[2]) - now) or -1
if expired > 0 then
  redis.call('HINCRBY', base .. ':counts', 'expired', expired)
  -- Behind them there may be more.
  wait = 0
end
return {locked, wait, claimed}
