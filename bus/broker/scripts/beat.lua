#!lua flags=allow-oom
-- Say that a worker lives, by the broker's own clock, and forget workers long gone.
-- KEYS[1] {base}:meta   ARGV now, worker, what it tells of itself (JSON), time to live of that (ms),
-- silence after which a worker is suspect (ms). Returns the workers known, and the suspects among them.
-- allow-oom: a full memory must not make the living look dead.
local now = clock()
-- After a silence of all of them it was the broker that was away: see claim.lua.
local newest = redis.call('ZREVRANGE', base .. ':workers', 0, 0, 'WITHSCORES')
if newest[2] and tonumber(newest[2]) < now - 3000 then redis.call('HSET', KEYS[1], 'awake', now) end
redis.call('ZADD', base .. ':workers', now, ARGV[2])
redis.call('HSET', base .. ':about', ARGV[2], ARGV[3])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', base .. ':workers', '-inf', now - tonumber(ARGV[4]))) do
  redis.call('ZREM', base .. ':workers', gone)
  redis.call('HDEL', base .. ':about', gone)
end
return {redis.call('ZRANGE', base .. ':workers', 0, -1),
  redis.call('ZRANGEBYSCORE', base .. ':workers', '-inf', now - tonumber(ARGV[5] or 2000))}
