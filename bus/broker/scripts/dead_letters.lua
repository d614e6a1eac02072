-- Put dead letters back into their channel, or drop them; each once, however many ask for it.
-- KEYS[1] {base}:meta   ARGV now, 'retry', cmsgpack map of the channel's partitions and capacity, then
-- ids; or now, 'discard', then ids, or 'all'
-- Returns: retry {1 when the channel is full, else 0, the ids put back}; discard how many went.
local dead = base .. ':dead'

if ARGV[2] == 'discard' then
  local gone = 0
  if ARGV[3] == 'all' then
    gone = redis.call('XLEN', dead)
    redis.call('DEL', dead)
  else
    for i = 3, #ARGV do gone = gone + redis.call('XDEL', dead, ARGV[i]) end
  end
  if gone > 0 then redis.pcall('HINCRBY', base .. ':counts', 'discarded', gone) end
  return gone
end

local options = cmsgpack.unpack(ARGV[3])
local oldest, newest = generations()
oldest, newest = tonumber(oldest), tonumber(newest)
if not newest then
  -- The channel was emptied by hand: begin it anew.
  oldest, newest = 1, 1
  redis.call('HSET', KEYS[1], 'oldest', 1, 'newest', 1, 'partitions:1', options.partitions)
end
local partitions, waiting = partitions_of(newest), held_in(oldest, newest)

-- What a letter becomes in a stream, and its ordering key.
local function fields_of(id, row)
  local letter = by_name(row)
  local raw = {}
  if letter.raw then
    -- It was no message: a payload goes back as one, anything else as it lay there.
    local ok, fields = pcall(cmsgpack.unpack, letter.raw)
    if ok and type(fields) == 'table' then
      row, raw = fields, by_name(fields)
    end
  end
  local payload, key = letter.payload or raw.m, letter.ordering_key or raw.k or ''
  if not payload then return row, key end
  -- First sent when it was, and still what its sender was told; its attempts begin anew, and it
  -- expires no more.
  local origin, message_id = letter.replayed_from or '', letter.message_id or id
  if origin == '' then origin = 'dead-' .. message_id end
  local sent_at = string.match(letter.sent_at or '', '^%d+$') or string.match(id, '^%d+')
  return {'m', payload, 'k', key, 'f', sent_at, 'r', origin, 'i', message_id}, key
end

local full, back = 0, {}
for i = 4, #ARGV do
  local letter = redis.call('XRANGE', dead, ARGV[i], ARGV[i])[1]
  local fields, key
  if letter then fields, key = fields_of(ARGV[i], letter[2]) end
  if letter and waiting >= options.capacity then
    full = 1
    break
  elseif letter and #fields <= 5000 then
    -- Of more fields Lua can make no call: such a letter stays.
    redis.call('XADD', stream_of(newest, partition_of(key, partitions)), '*', unpack(fields))
    redis.call('XDEL', dead, ARGV[i])
    waiting = waiting + 1
    back[#back + 1] = ARGV[i]
  end
end
if #back > 0 then
  -- See send.lua.
  redis.pcall('HDEL', base .. ':counts', 'held')
  redis.pcall('HINCRBY', base .. ':counts', 'retried', #back)
  wake()
end
return {full, back}
