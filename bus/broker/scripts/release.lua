-- Give claimed messages back, at once and in order, without counting an attempt.
-- KEYS[1] {base}:meta   ARGV now, worker, then stream, id, deliveries so far, 0 where it is unseen ...
-- Returns how many it held.
local returned = 0
for i = 3, #ARGV, 3 do
  if holds(ARGV[i], ARGV[i + 1], ARGV[2]) then
    give_back(ARGV[i], ARGV[i + 1], ARGV[i + 2])
    returned = returned + 1
  end
end
wake()
return returned
