-- What begins every script. KEYS[1] {base}:meta   ARGV[1] the caller's reading of the steady clock (ms), or ''.
-- The keys of a channel, {base}:...
--   <generation>:<partition>  stream with the consumer group 'bus'; what is in flight locks its partition
--   meta           hash: oldest, newest (generations), partitions:<generation>, later (last number set aside),
--                  awake (when the broker was last back), off, off_at (steady less machine clock; since when)
--   due, later     sorted set of when and hash of what is set aside, by number: see set_aside
--   dead           stream of dead letters: payload, ordering_key, error, traceback, attempts, sent_at, message_id,
--                  replayed_from; raw (packed fields) of what was no message
--   history, history:size  stream of handled messages (m, k, f, i), and their bytes
--   once:<digest>, sender:<id>  '<id> <when>' of a named send; number of a sender's last
--   workers, about  sorted set of last beats; hash of what each worker tells of itself
--   machine:<machine>  set of the workers there
--   counts, rate:<slot>  hashes of counters, for good and in 10 s; in counts also held, held_at: how many there were
--                  when they were counted, and how many had been sent and put back by then
--   tap, wake      pub/sub; tap is a key, too
-- The fields of a message in its stream; all but m may be missing:
--   m  payload              k  ordering key                  n  attempts so far
--   x  expires at, 0 never (ms, steady clock)                t  when it was sent (ms, steady clock)
--   f  when it was first sent (ms, machine's clock)          i  id that its sender was given
--   r  id of the message that it repeats
local base = string.sub(KEYS[1], 1, -6)

-- Now by the steady clock, and by the clock of this machine, in ms. They are the same until that one is set: then
-- whatever measures a time goes by the first alone. See clock.py.
local function clock()
  local time = redis.call('TIME')
  local wall = time[1] * 1000 + math.floor(time[2] / 1000)
  local steady = tonumber(ARGV[1])
  if steady and math.abs(steady - wall) >= 2000 then return steady, wall end
  return wall, wall
end

-- The oldest and the newest generation as they are kept, false where there is none.
local function generations()
  local meta = redis.call('HMGET', KEYS[1], 'oldest', 'newest')
  return meta[1], meta[2]
end

local function partitions_of(generation)
  return tonumber(redis.call('HGET', KEYS[1], 'partitions:' .. generation))
end

local function stream_of(generation, partition) return base .. ':' .. generation .. ':' .. partition end

-- The partition of an ordering key, among so many.
local function partition_of(key, count) return tonumber(string.sub(redis.sha1hex(key), 1, 8), 16) % count end

-- Visit the stream of each partition of each generation.
local function each_stream(oldest, newest, visit)
  for generation = tonumber(oldest), tonumber(newest) do
    for partition = 0, partitions_of(generation) - 1 do visit(stream_of(generation, partition)) end
  end
end

-- How many messages there are, set aside or in a stream.
local function held_in(oldest, newest)
  local held = redis.call('ZCARD', base .. ':due')
  each_stream(oldest, newest, function(stream) held = held + redis.call('XLEN', stream) end)
  return held
end

-- A consumer is a slot of a worker, 'worker/number'.
local function worker_of(consumer) return string.match(consumer, '^[^/]*') end

-- Whether an entry is in this consumer's hands; who was taken for dead may have lost it to another.
local function holds(stream, id, consumer)
  local held = redis.pcall('XPENDING', stream, 'bus', id, id, 1, consumer)
  return not held.err and #held == 1
end

-- Let go of an entry: 0 deliveries is unseen; any other is taken up alone and with that count.
local function give_back(stream, id, deliveries)
  redis.call('XCLAIM', stream, 'bus', '-', 0, id, 'RETRYCOUNT', deliveries, 'JUSTID')
end

local function remove(stream, id)
  redis.call('XACK', stream, 'bus', id)
  redis.call('XDEL', stream, id)
end

local function wake() redis.call('PUBLISH', base .. ':wake', '') end

-- A row {name, value, ...} as a table by name.
local function by_name(row)
  local fields = {}
  for f = 1, #row, 2 do fields[row[f]] = row[f + 1] end
  return fields
end

-- A time as a field's text, all its digits.
local function digits(number) return string.format('%.0f', number) end

-- The bytes that one of the history is counted with; anybody may have written into it.
local function size_of(fields) return #(fields[2] or '') + #(fields[4] or '') end

-- Keep a message until it is due (steady clock); kept is {payload, ordering key, attempts, first sent, expires,
-- id that it repeats or '', id that its sender was given or nil, sent by the steady clock}. Returns an id for it.
-- What is due at the same time comes in the order of its name's text.
local function set_aside(due, kept)
  local number = redis.call('HINCRBY', KEYS[1], 'later', 1)
  local name = string.format('%016d', number)
  kept[7] = kept[7] or 'later-' .. number
  -- In this order: a time without its message is cleared away by the next claim.
  redis.call('ZADD', base .. ':due', due, name)
  redis.call('HSET', base .. ':later', name, cmsgpack.pack(kept))
  return kept[7]
end
