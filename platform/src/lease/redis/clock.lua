-- The time of the store, the same for everybody, and how long it has known all leases without a break.
--
-- KEYS[1]: what the store knows of itself, shared by many spaces.
-- ARGV[1]: after how many milliseconds without any script the store was away.
--
-- The time is the server's in milliseconds. If an operator or a failover sets that back, it goes on from where it was.

local BORN_FOR = 24 * 60 * 60 * 1000

local function text(number)
  return string.format('%.0f', number)
end

local time = redis.call('TIME')
local wall = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'born', 'seen', 'ahead')
local born, seen, ahead = tonumber(known[1]), tonumber(known[2]), tonumber(known[3])
local now = wall
if born and seen and ahead then
  if wall + ahead < seen then
    ahead = seen - wall
  end
  now = wall + ahead
  if now - seen > tonumber(ARGV[1]) then
    -- Nobody could say that they are there, so what has run out says nothing.
    born = now
  end
else
  born, ahead = now, 0
end
redis.call('HSET', KEYS[1], 'born', text(born), 'seen', text(now), 'ahead', text(ahead))
redis.call('PEXPIRE', KEYS[1], BORN_FOR)
local age = now - born

