//! How good a model is on a slice of data.
