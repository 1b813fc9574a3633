//! The memory allocator of every Carrel program.

use tikv_jemallocator::Jemalloc;

/// A message consists of dozens of small allocations, made in one thread and freed in another. jemalloc does that with
/// a fifth less processor time than glibc, and gives more back after a rush; docs/performance.md has the figures.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;
