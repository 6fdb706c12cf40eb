//! A fixed number of recycled frame buffers.
//!
//! When full: [`FramePool::take`] answers [`FrameError::PoolExhausted`] at once; the caller drops
//! the frame and counts it. Buffers come back from any thread when dropped; nothing is allocated
//! after each slot has grown to the stream's frame size.

use std::ops::{Deref, DerefMut};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{FrameError, MonoTime};

/// Recycled buffers, shared by clones.
#[derive(Clone, Debug)]
pub struct FramePool {
    free: Receiver<Vec<u8>>,
    back: Sender<Vec<u8>>,
    slots: usize,
}

impl FramePool {
    /// A pool of `slots` buffers (at least 1); each grows to the size first asked of it.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let slots = slots.max(1);
        let (back, free) = bounded(slots);
        for _ in 0..slots {
            // The channel has exactly `slots` places, so this cannot fail.
            let _ = back.try_send(Vec::new());
        }
        Self { free, back, slots }
    }

    /// Number of buffers, in use or free.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// Number of buffers that can be taken now.
    #[must_use]
    pub fn available(&self) -> usize {
        self.free.len()
    }

    /// A buffer of `len` bytes. Its content is that of its last use, not zeros.
    ///
    /// # Errors
    /// [`FrameError::PoolExhausted`] when all are in use.
    pub fn take(&self, len: usize) -> Result<PooledBuf, FrameError> {
        let bytes =
            self.free.try_recv().map_err(|_| FrameError::PoolExhausted { slots: self.slots })?;
        Ok(self.sized(bytes, len))
    }

    /// Like [`FramePool::take`], waiting until `deadline` for a buffer to come back. For sources
    /// that can wait, such as files.
    ///
    /// # Errors
    /// [`FrameError::PoolExhausted`] when none came back in time.
    pub fn take_until(&self, len: usize, deadline: MonoTime) -> Result<PooledBuf, FrameError> {
        let wait = deadline.since(MonoTime::now());
        let bytes = self
            .free
            .recv_timeout(wait)
            .map_err(|_| FrameError::PoolExhausted { slots: self.slots })?;
        Ok(self.sized(bytes, len))
    }

    fn sized(&self, mut bytes: Vec<u8>, len: usize) -> PooledBuf {
        if bytes.len() < len {
            bytes.resize(len, 0);
        } else {
            bytes.truncate(len);
        }
        PooledBuf { bytes, back: Some(self.back.clone()) }
    }
}

/// A buffer that returns to its pool when dropped.
#[derive(Debug)]
pub struct PooledBuf {
    bytes: Vec<u8>,
    back: Option<Sender<Vec<u8>>>,
}

impl PooledBuf {
    /// A buffer that belongs to no pool.
    #[must_use]
    pub const fn unpooled(bytes: Vec<u8>) -> Self {
        Self { bytes, back: None }
    }

    /// Shortens the buffer to `len` bytes; longer lengths are ignored.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// The underlying vector, for readers that append (a compressed frame of unknown length).
    pub const fn as_vec(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Deref for PooledBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for PooledBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for PooledBuf {
    fn drop(&mut self) {
        if let Some(back) = self.back.take() {
            // Fails only when the pool is gone; then the memory is simply freed.
            let _ = back.try_send(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_recycled_and_bounded() {
        let pool = FramePool::new(2);
        let a = pool.take(100).unwrap();
        let address = a.as_ptr();
        let b = pool.take(10).unwrap();
        assert!(matches!(pool.take(1), Err(FrameError::PoolExhausted { slots: 2 })));
        drop(a);
        let c = pool.take(50).unwrap();
        assert_eq!((c.len(), c.as_ptr()), (50, address));
        drop((b, c));
        assert_eq!(pool.available(), 2);
    }

    #[test]
    fn a_buffer_outlives_its_pool() {
        let pool = FramePool::new(1);
        let buf = pool.take(3).unwrap();
        drop(pool);
        assert_eq!(buf.len(), 3);
    }
}
