#!lua flags=allow-oom
-- Take handled, failed or given-up messages out of their streams, in one step.
-- KEYS[1] {base}:meta   ARGV now, cmsgpack map of what is kept, then cmsgpack rows. The map:
--   dead_letter_limit        so many
--   retention (ms), retention_limit, retention_size (bytes)   of handled messages, for a replay
-- A row:
--   {'done', stream, id, worker}, and the payload to keep in place of its own, where that is another
--   {'later', stream, id, worker, due (ms from now), payload, ordering key, attempts, first sent (ms), expires at,
--     id of the message that it repeats or '', id that its sender was given, when it was sent by the steady clock}
--   {'dead', stream, id, worker, field, value, ...}
-- A row whose entry somebody else has finished, or holds now, does nothing. Returns how many rows counted.
-- allow-oom: a broker whose memory is full must be able to let messages out.
local now, wall = clock()
local counts = {}
local finished = 0
local options, handled = cmsgpack.unpack(ARGV[2]), base .. ':history'
local retention = options.retention
local kept, bytes = 0, 0

-- What is itself a replay is kept already. pcall: a copy that fails must not undo what was handled.
local function keep(stream, id, payload)
  local entry = redis.call('XRANGE', stream, id, id)[1]
  if not entry then return end
  local fields = by_name(entry[2])
  if (fields.r or '') ~= '' and string.sub(fields.r, 1, 5) ~= 'dead-' then return end
  local row = {'m', payload or fields.m or '', 'k', fields.k or '', 'f', fields.f or string.match(id, '^%d+'), 'i', fields.i or id}
  if redis.pcall('XADD', handled, '*', unpack(row)).err then return end
  kept, bytes = kept + 1, bytes + size_of(row)
end

-- Drop the oldest beyond the limits; a bounded number each time, more than came.
local function trim_handled()
  local length = redis.call('XLEN', handled)
  bytes = bytes + (tonumber(redis.call('GET', handled .. ':size') or 0) or 0)
  for _ = 1, 2 * kept + 100 do
    local first = redis.call('XRANGE', handled, '-', '+', 'COUNT', 1)[1]
    local old = first and tonumber(string.match(first[1], '^%d+')) < wall - retention
    if not first or not (old or length > options.retention_limit or bytes > options.retention_size) then break end
    redis.call('XDEL', handled, first[1])
    length, bytes = length - 1, bytes - size_of(first[2])
  end
  redis.pcall('SET', handled .. ':size', length == 0 and 0 or bytes, 'PX', retention)
  redis.call('PEXPIRE', handled, retention)
end

for i = 3, #ARGV do
  local row = cmsgpack.unpack(ARGV[i])
  local what, stream, id = row[1], row[2], row[3]
  -- Who was taken for dead (a process that stood still) gives up what others hold now.
  if holds(stream, id, row[4]) then
    -- First where it goes, then out of where it was: whatever fails, it is in one of the two.
    if what == 'done' and retention > 0 then keep(stream, id, row[5]) end
    if what == 'later' then
      local expires = tonumber(row[10])
      if expires > 0 then expires = expires + (now - wall) end
      set_aside(now + row[5], {row[6], row[7], row[8], row[9], digits(expires), row[11], row[12], row[13]})
    elseif what == 'dead' then
      redis.call('XADD', base .. ':dead', '*', unpack(row, 5))
    end
    remove(stream, id)
    finished = finished + 1
    counts[what] = (counts[what] or 0) + 1
  end
end
if counts.dead then
  local trimmed = redis.call('XTRIM', base .. ':dead', 'MAXLEN', options.dead_letter_limit)
  if trimmed > 0 then counts.trimmed = trimmed end
end
-- Last, and allowed to fail: with its memory full a broker still lets messages out.
for what, count in pairs(counts) do redis.pcall('HINCRBY', base .. ':counts', what, count) end
if counts.done then
  local rate = base .. ':rate:' .. math.floor(now / 10000)
  if redis.pcall('HINCRBY', rate, 'done', counts.done) == counts.done then redis.call('PEXPIRE', rate, 80000) end
  -- Allowed to fail, too: where the key of the history is something else.
  if kept > 0 then pcall(trim_handled) end
end
return finished
