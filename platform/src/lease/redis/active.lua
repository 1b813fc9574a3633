-- Answers with the age of the store in milliseconds, when it was born, and all leases, each as its name and its value.

return { text(age), text(born), redis.call('HGETALL', KEYS[2]) }
