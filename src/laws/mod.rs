//! Laws of how loss falls with data, model size and method: forms, fits, uncertainty.
