//! An output that gets its name when it is complete.
//!
//! A regular file grows under its name with `.partial` added and gets its own name at
//! [`GrowingFile::finish`]; what is killed leaves the partial file, and a file that was there before
//! stays as it is until then. Pipes and devices are written as they are, `-` is stdout.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::codec::stream::SyncTarget;

/// A file, pipe or stdout being written.
#[derive(Debug)]
pub struct GrowingFile {
    out: Out,
    path: PathBuf,
    partial: Option<PathBuf>,
}

#[derive(Debug)]
enum Out {
    Stdout(io::Stdout),
    File(File),
}

impl GrowingFile {
    /// Opens `path`; `-` is stdout.
    ///
    /// # Errors
    /// The system's answer.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut partial = None;
        let out = if path == Path::new("-") {
            Out::Stdout(io::stdout())
        } else if std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
            Out::File(File::options().write(true).open(path)?)
        } else {
            let mut name = path.as_os_str().to_owned();
            name.push(".partial");
            let file = File::create(&name)?;
            partial = Some(PathBuf::from(name));
            Out::File(file)
        };
        Ok(Self { out, path: path.to_owned(), partial })
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that holds what was written until [`GrowingFile::finish`]; none for a pipe.
    #[must_use]
    pub fn partial(&self) -> Option<&Path> {
        self.partial.as_deref()
    }

    /// The file gets its name.
    ///
    /// # Errors
    /// The system's answer; the partial file stays then.
    pub fn finish(mut self) -> io::Result<()> {
        // What has the name from now on must be there after a power cut too.
        self.sync()?;
        match &self.partial {
            Some(partial) => std::fs::rename(partial, &self.path),
            None => Ok(()),
        }
    }
}

impl Write for GrowingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Out::Stdout(out) => out.write(bytes),
            Out::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Stdout(out) => out.flush(),
            Out::File(file) => file.flush(),
        }
    }
}

impl SyncTarget for GrowingFile {
    fn sync(&mut self) -> io::Result<()> {
        match (&mut self.out, &self.partial) {
            (Out::File(file), Some(_)) => file.sync_data(),
            // A pipe keeps nothing.
            _ => self.flush(),
        }
    }
}
