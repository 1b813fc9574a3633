//! Where memory comes from, in every program of Carrel.

use tikv_jemallocator::Jemalloc;

/// A message is some dozens of small pieces of memory, made in one thread and given back in another. jemalloc does that with
/// a fifth less processor time than glibc, and gives more back when a rush is over; docs/performance.md has the figures.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;
