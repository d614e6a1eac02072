-- Keep hold of claimed messages that take long; those that others took meanwhile are left alone.
-- KEYS[1] {base}:meta   ARGV now, worker, then stream, id ...
-- Returns the positions, from 0, of those.
local lost = {}
for i = 3, #ARGV, 2 do
  if holds(ARGV[i], ARGV[i + 1], ARGV[2]) then
    redis.call('XCLAIM', ARGV[i], 'bus', ARGV[2], 0, ARGV[i + 1], 'JUSTID')
  else
    lost[#lost + 1] = (i - 3) / 2
  end
end
return lost
