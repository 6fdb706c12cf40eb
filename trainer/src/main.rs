//! The `framecast-train` program.

fn main() {}
