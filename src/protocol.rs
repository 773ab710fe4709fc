//! The whole boundary between page and worker.
