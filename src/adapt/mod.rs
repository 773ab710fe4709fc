//! What is trained: everything, low-rank adapters, or a prompt.
