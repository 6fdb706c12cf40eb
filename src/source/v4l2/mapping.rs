//! Driver buffers mapped into our address space.

#![expect(unsafe_code, reason = "mmap and reading memory that a device writes have no safe form")]

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// One plane of one driver buffer, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is plain shared memory with no tie to the thread that made it.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `len` bytes at `offset`, which QUERYBUF gave.
    pub(super) fn new(fd: BorrowedFd<'_>, len: usize, offset: u64) -> rustix::io::Result<Self> {
        // SAFETY: the kernel chooses the address, so no memory of ours is replaced.
        let start = unsafe {
            mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, fd, offset)
        }?;
        let start = NonNull::new(start.cast()).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Self { start, len })
    }

    /// Bytes mapped.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Fills `to` from byte `offset` on; false, without touching `to`, when that is out of range.
    ///
    /// The caller has dequeued the buffer, so the driver leaves it alone; if a broken one does
    /// not, the picture is torn but nothing else is harmed.
    #[must_use]
    pub(super) fn copy_to(&self, offset: usize, to: &mut [u8]) -> bool {
        if offset.checked_add(to.len()).is_none_or(|end| end > self.len) {
            return false;
        }
        // SAFETY: the range was checked against the mapping, which is readable and lives as long
        // as `self`; `to` is our own memory and cannot overlap it. No reference to the device's
        // memory is ever formed.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.start.as_ptr().add(offset),
                to.as_mut_ptr(),
                to.len(),
            );
        }
        true
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one mapped in `new`, and no reference to it exists.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn copies_are_checked_against_the_mapping() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&(0..=255).collect::<Vec<u8>>()).unwrap();
        let map = Mapping::new(file.as_fd(), 256, 0).unwrap();
        let mut three = [0; 3];
        assert!(map.copy_to(253, &mut three));
        assert_eq!(three, [253, 254, 255]);
        assert!(!map.copy_to(254, &mut three));
        assert!(!map.copy_to(usize::MAX, &mut three));
        assert_eq!(map.len(), 256);
    }
}
