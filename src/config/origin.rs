//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;

/// The origin of a configuration value, named in errors and in `config show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The shipped defaults.
    Default,
    /// A line of a file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A flag, for example `--threads`.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}
