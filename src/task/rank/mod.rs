//! The order in which an operator wants to see recorded events, from those opened before.
//!
//! An [`Event`] has tags. A [`Taste`] is a weight for each tag, learned so that what was opened
//! stands above what was not (BPR: Rendle et al., 2009). [`full_auc`] says how good an order is.

mod auc;
mod event;
mod taste;

pub use auc::full_auc;
pub use event::{Event, EventLog};
pub use taste::{Taste, TasteOptions};
