-- Who is in a room, across processes; people who are not renewed in time are gone.
-- KEYS[1] {base}:meta   ARGV now, operation, then
--   attend: process, time to live (ms), then key and author for each person
--   depart: process, grace (ms), then the keys
--   take_changes: shortest time between two takings (ms)
-- attend and depart return the count, how many changes are unpublished, and the authors where they
-- are up to 100.
-- take_changes returns ms to wait; or 0, the count, and each change as '+author' or '-author', or '=author'
-- for another name of who was there before.
local operation = ARGV[2]
local people, who = base .. ':people', base .. ':who'
local seats, changes = base .. ':seats', base .. ':changes'
local now = clock()

-- Coming back before the leaving was published is no change but that of a name, nor is the reverse.
local function change(key, sign, author)
  local waiting = redis.call('HGET', changes, key)
  local before, known = string.sub(waiting or '', 1, 1), string.sub(waiting or '', 2)
  if before == '+' and sign == '-' then
    redis.call('HDEL', changes, key)
  elseif before == '-' and sign == '+' then
    if known == author then redis.call('HDEL', changes, key)
    else redis.call('HSET', changes, key, '=' .. author) end
  elseif before == '+' and sign == '=' then
    redis.call('HSET', changes, key, '+' .. author)
  else
    redis.call('HSET', changes, key, sign .. author)
  end
end

local function gone(key)
  if redis.call('ZREM', people, key) == 1 then
    change(key, '-', redis.call('HGET', who, key) or '{}')
  end
  redis.call('HDEL', who, key)
  redis.call('HDEL', seats, key)
end

for _, key in ipairs(redis.call('ZRANGEBYSCORE', people, '-inf', now)) do gone(key) end

if operation == 'take_changes' then
  local count = redis.call('ZCARD', people)
  local waiting = redis.call('HVALS', changes)
  if #waiting == 0 then return {0, count} end
  -- By the steady clock: a key that expires would do so by the other.
  local published = tonumber(redis.call('GET', base .. ':published') or 0) or 0
  local since = now - published
  if since >= 0 and since < tonumber(ARGV[3]) then return {math.max(1, math.ceil(ARGV[3] - since))} end
  redis.call('SET', base .. ':published', string.format('%.0f', now), 'PX', 3600000)
  redis.call('DEL', changes)
  return {0, count, unpack(waiting, 1, math.min(#waiting, 1000))}
end

local process = ARGV[3]
if operation == 'attend' then
  local ttl = tonumber(ARGV[4])
  for i = 5, #ARGV, 2 do
    local key, author = ARGV[i], ARGV[i + 1]
    if redis.call('ZADD', people, now + ttl, key) == 1 then change(key, '+', author)
    elseif redis.call('HGET', who, key) ~= author then change(key, '=', author) end
    redis.call('HSET', who, key, author)
    local taken = redis.call('HGET', seats, key) or ' '
    if not string.find(taken, ' ' .. process .. ' ', 1, true) then
      redis.call('HSET', seats, key, taken .. process .. ' ')
    end
  end
  -- A room that every process forgot (killed, or cut off) leaves nothing behind after two days; sooner, and a
  -- clock that is set ahead would empty rooms.
  for _, key in ipairs({people, who, seats, changes}) do redis.call('PEXPIRE', key, 172800000) end
else
  local grace = tonumber(ARGV[4])
  for i = 5, #ARGV do
    local taken = redis.call('HGET', seats, ARGV[i])
    if taken then
      local first, last = string.find(taken, ' ' .. process .. ' ', 1, true)
      if first then taken = string.sub(taken, 1, first) .. string.sub(taken, last + 1) end
      if taken ~= ' ' then
        redis.call('HSET', seats, ARGV[i], taken)
      elseif grace == 0 then
        gone(ARGV[i])
      else
        redis.call('HDEL', seats, ARGV[i])
        redis.call('ZADD', people, 'XX', now + grace, ARGV[i])
      end
    end
  end
end
local count, shown = redis.call('ZCARD', people), {}
if count > 0 and count <= 100 then
  shown = redis.call('HMGET', who, unpack(redis.call('ZRANGE', people, 0, -1)))
end
return {count, redis.call('HLEN', changes), unpack(shown)}
