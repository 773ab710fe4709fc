//! The browser worker: one loop, commands in, events out.
