-- What begins every script. KEYS[1] {base}:meta   ARGV[1] the caller's reading of the steady clock (ms), or ''.
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
