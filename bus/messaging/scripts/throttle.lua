-- Count something once under each of many keys, if it may happen once more under all of them.
-- A key holds the time (ms) at which all that was counted is forgotten again: one interval for each.
-- KEYS[1] unused   ARGV now, 1 to count, 0 to look, -1 to give back, then key, interval (ms),
-- window (ms) ...
-- Returns 0, or the ms to wait.
local now = clock()
local wait, forgotten = 0, {}
local step = ARGV[2] == '-1' and -1 or 1
for i = 3, #ARGV, 3 do
  local interval, window = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  -- Never more than a window: a clock that went back makes nobody wait longer.
  local left = math.max(0, math.min(window, tonumber(redis.call('GET', ARGV[i]) or now) - now))
  forgotten[i] = left + step * interval
  -- Half a ms for what rounding adds up to.
  if step > 0 and forgotten[i] > window + 0.5 then wait = math.max(wait, forgotten[i] - window) end
end
if wait > 0 then return math.ceil(wait) end
if ARGV[2] ~= '0' then
  for i = 3, #ARGV, 3 do
    if forgotten[i] <= 0 then
      redis.call('DEL', ARGV[i])
    else
      redis.call('SET', ARGV[i], string.format('%.3f', now + forgotten[i]), 'PX',
        -- An hour more, so that a clock that is set ahead does not forget it.
        math.ceil(forgotten[i]) + 3600000)
    end
  end
end
return 0
