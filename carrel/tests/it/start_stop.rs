//! Starting, and stopping in order. I28, R9-R12.
