#!lua flags=allow-oom
-- Say that a worker lives, by the broker's own clock, and forget workers long gone.
-- KEYS[1] {base}:meta   ARGV now, worker, what it tells of itself (JSON), time to live of that (ms),
-- silence after which a worker is suspect (ms), the worker's machine. Returns the workers known of
-- that machine, and the suspects among all: however many there are elsewhere, a beat costs the same.
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
local machine = base .. ':machine:' .. ARGV[6]
-- Whatever else lies there costs the quick look after this machine's dead alone.
redis.pcall('SADD', machine, ARGV[2])
redis.call('PEXPIRE', machine, ARGV[4])
local near, members = {}, redis.pcall('SMEMBERS', machine)
for _, member in ipairs(members.err and {} or members) do
  if redis.call('ZSCORE', base .. ':workers', member) then
    near[#near + 1] = member
  else
    redis.call('SREM', machine, member)
  end
end
return {near,
  redis.call('ZRANGEBYSCORE', base .. ':workers', '-inf', now - tonumber(ARGV[5]))}
