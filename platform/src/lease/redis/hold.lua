-- Holds a lease. ARGV[2]: its name, ARGV[3]: its incarnation, ARGV[4]: for how many milliseconds, ARGV[5]: what is sealed.
-- Answers with the higher incarnation that holds it, or with nothing.

local held = incarnation_of(ARGV[2])
if held and held > ARGV[3] then
  return held
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ARGV[5])
redis.call('ZADD', KEYS[3], text(now + tonumber(ARGV[4])), ARGV[2])
last_as_long_as_the_last()
return ''
