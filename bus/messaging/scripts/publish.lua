-- Publish many messages in one step.
-- KEYS[1] unused   ARGV now, then channel, payload ...
for i = 2, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end
return #ARGV
