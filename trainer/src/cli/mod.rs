//! Commands of the program, each with its flags in a file of its own.

mod devices;
mod train;

pub(crate) use devices::devices;
pub(crate) use train::Train;
