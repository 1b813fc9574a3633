-- Answers with the age of the store in milliseconds, and all leases, each as its name and its value.

return { text(age), redis.call('HGETALL', KEYS[2]) }
