-- A space: its leases, and when each runs out.
--
-- KEYS[2]: the leases by the names of their keys. Each is its incarnation in 20 digits, and what is sealed.
-- KEYS[3]: the same names, by when they run out.

local INCARNATION = 20

local function forget_what_ran_out()
  repeat
    local over = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(now), 'LIMIT', 0, 1000)
    if #over > 0 then
      redis.call('HDEL', KEYS[2], unpack(over))
      redis.call('ZREM', KEYS[3], unpack(over))
    end
  until #over == 0
end

-- The space is gone with its last lease, even if nobody asks for it again.
local function last_as_long_as_the_last()
  local last = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')
  if last[2] then
    local lasts = text(tonumber(last[2]) - now + 1000)
    redis.call('PEXPIRE', KEYS[2], lasts)
    redis.call('PEXPIRE', KEYS[3], lasts)
  end
end

-- Digits of the same number compare as texts, which numbers of this size do not as numbers.
local function incarnation_of(name)
  local lease = redis.call('HGET', KEYS[2], name)
  return lease and string.sub(lease, 1, INCARNATION)
end

forget_what_ran_out()

