//! Search in recordings: an index of embeddings on disk, exact nearest neighbours, live triggers.
//!
//! An index is one file that grows while frames arrive and is read through a memory mapping, also
//! while it grows. A query is scanned over 8-bit codes first; what can still be among the best by
//! the bound on the error of the codes is then scored with the stored `f32` vectors, so the answer
//! is the one of an exhaustive search. See `docs/search.md`.

mod codes;
mod dot;
mod entry;
mod error;
mod gate;
mod index;
mod layout;
mod mapping;
mod rank;
mod scan;
#[cfg(test)]
mod tests;
mod trigger;
mod writer;

pub use dot::instructions;
pub use entry::{Entry, NewEntry};
pub use error::IndexError;
pub use gate::ChangeGate;
pub use index::Index;
pub use layout::{About, Metric};
pub use rank::{Hit, Wish};
pub use trigger::{StandingQuery, Trigger, TriggerEvent, TriggerKind};
pub use writer::IndexWriter;
