-- Lets go of a lease. ARGV[2]: its name, ARGV[3]: the incarnation that lets go, or a higher one than the lease has.

local held = incarnation_of(ARGV[2])
if held and held <= ARGV[3] then
  redis.call('HDEL', KEYS[2], ARGV[2])
  redis.call('ZREM', KEYS[3], ARGV[2])
  last_as_long_as_the_last()
end
return ''
