//! What to run next: a grid of cells, its budget and its queue.
