-- Put dead letters back into their channel, or drop them; each once, however many ask for it.
-- KEYS[1] {base}:meta   ARGV base, 'retry', partitions, capacity, then ids; or base, 'discard', then
-- ids, or 'all'
-- retry returns {1 when the channel is full, else 0, the ids put back}; discard how many went.
local base, dead = ARGV[1], ARGV[1] .. ':dead'

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

local meta = redis.call('HMGET', KEYS[1], 'oldest', 'newest')
local oldest, newest = tonumber(meta[1]), tonumber(meta[2])
if not newest then
  -- The channel was emptied by hand: begin it anew.
  oldest, newest = 1, 1
  redis.call('HSET', KEYS[1], 'oldest', 1, 'newest', 1, 'partitions:1', ARGV[3])
end
local partitions
local waiting = redis.call('ZCARD', base .. ':due')
for generation = oldest, newest do
  partitions = tonumber(redis.call('HGET', KEYS[1], 'partitions:' .. generation))
  for partition = 0, partitions - 1 do
    waiting = waiting + redis.call('XLEN', base .. ':' .. generation .. ':' .. partition)
  end
end

local full, back = 0, {}
for i = 5, #ARGV do
  local letter = redis.call('XRANGE', dead, ARGV[i], ARGV[i])[1]
  if letter and waiting >= tonumber(ARGV[4]) then
    full = 1
    break
  elseif letter then
    local fields = {}
    for f = 1, #letter[2], 2 do fields[letter[2][f]] = letter[2][f + 1] end
    local partition = tonumber(string.sub(redis.sha1hex(fields.ordering_key), 1, 8), 16) % partitions
    -- First sent when it was, and still what its sender was told; its attempts begin anew, and it
    -- expires no more.
    local origin = fields.replayed_from or ''
    local told = fields.message_id or ARGV[i]
    if origin == '' then origin = 'dead-' .. told end
    redis.call('XADD', base .. ':' .. newest .. ':' .. partition, '*', 'm', fields.payload,
      'k', fields.ordering_key, 'f', fields.sent_at, 'r', origin, 'i', told)
    redis.call('XDEL', dead, ARGV[i])
    waiting = waiting + 1
    back[#back + 1] = ARGV[i]
  end
end
if #back > 0 then
  redis.call('HINCRBY', base .. ':counts', 'retried', #back)
  redis.call('PUBLISH', base .. ':wake', '')
end
return {full, back}
