//! The larger commands of the program, one file each.

pub(crate) mod answers;
pub(crate) mod data;
pub(crate) mod embed;
pub(crate) mod forecast;
pub(crate) mod lines;
pub(crate) mod plot;
pub(crate) mod product;
