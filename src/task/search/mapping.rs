//! An index file in memory, without reading it.

#![expect(unsafe_code, reason = "a file mapped into memory can be changed by others")]

use std::fs::File;
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// The first `len` bytes of a file, read-only.
#[derive(Debug)]
pub(super) struct Mapping(Mmap);

impl Mapping {
    /// Maps `len` bytes, at most those the file has.
    pub(super) fn new(file: &File, len: usize) -> std::io::Result<Self> {
        // SAFETY: the memory is plain bytes, whatever they are. Writers of an index never
        // cut its file, and write only behind the entries that count, and readers check what they
        // read against its checksum. Somebody else who cuts the file under us ends the program, as
        // documented.
        let map = unsafe { MmapOptions::new().len(len).map(file) }?;
        Ok(Self(map))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
