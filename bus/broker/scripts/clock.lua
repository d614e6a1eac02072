#!lua flags=allow-oom
-- Tell the time by the steady clock, in ms since 1970: this machine's clock without its jumps.
-- KEYS[1] {prefix}:clock   ARGV what the caller thinks that it is, or ''; how long ago it asked (ms), by its own clock
-- Returns the time.
-- A caller thinks of no time that has not come: an answer takes time, and its own clock only counts.
local time = redis.call('TIME')
local wall = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'skew', 'seen', 'pushed')
local skew, seen, pushed = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
local thought = tonumber(ARGV[1])
local now = wall + skew
-- It is led back to the calendar by 5 s in 1000, and faster from further away than a day: no interval is
-- wrong by more.
local rate = (1 + math.abs(skew) / 86400000) / 200
local tolerated = 2000 + (tonumber(ARGV[2]) or 0) * (rate + 0.05)
if now < seen then
  -- Set back.
  now = math.max(seen, thought or 0)
elseif thought and thought - now > tolerated then
  -- Set back in steps; or one whose own clock had stood still was believed: not again soon.
  now, pushed = thought, thought
elseif thought and now - thought > tolerated and (now - pushed > 300000 or pushed > now) then
  -- Set ahead.
  now = math.max(seen, thought)
end
local off, passed = now - wall, math.max(0, now - seen)
if seen > 0 and off > 0 then
  now = now - math.min(off, passed * math.min(rate, 0.5))
elseif seen > 0 and off < 0 then
  now = now + math.min(-off, passed * rate)
end
now = math.floor(now)
redis.call('HSET', KEYS[1], 'skew', now - wall, 'seen', now, 'pushed', pushed)
return now
