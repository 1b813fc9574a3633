-- Lets the store know that it is there. Answers with its age in milliseconds.

return text(age)
