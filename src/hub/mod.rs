//! Model hubs: how a model is addressed there, and how its files arrive. A hub serves the files of `owner/name` under
//! `/owner/name/resolve/REVISION/FILE`, as Hugging Face does; a school may run a mirror of the same paths.
//!
//! [`Address`] and [`Host`] read what the visitor types, [`transfer`] judges each answer of the hub: where to go on
//! writing, when to start over, and what to say where it refuses. All plain functions; the worker does the asking.

mod address;
pub mod transfer;

pub use address::{Address, AddressError, Host, PUBLIC};
