//! Brings a growing file to the disk at an interval, on a thread of its own: a disk that takes its
//! time holds up nobody, and what was written last gets there although nothing follows it.

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::codec::stream::SyncTarget;

/// What can be brought to the disk from another thread than the one that writes.
pub(super) trait Durable: Write + Send + Sized + 'static {
    /// The same file once more.
    fn again(&self) -> io::Result<Self>;

    /// Returns when a power cut can no longer take what was written before the call.
    fn sync_data(&self) -> io::Result<()>;
}

impl Durable for File {
    fn again(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }
}

#[derive(Debug, Default)]
struct Shared {
    /// Something was written since the last sync began.
    dirty: AtomicBool,
    failed: Mutex<Option<io::Error>>,
}

/// A file that is synced while it grows. A sync that fails shows at the next write.
#[derive(Debug)]
pub(super) struct Syncing<F> {
    file: F,
    shared: Arc<Shared>,
    /// The thread ends when this is gone.
    _end: Sender<()>,
}

impl<F: Durable> Syncing<F> {
    /// Syncs `file` so often that a power cut costs what was written in `interval` at most, as long
    /// as the disk takes no longer than half of that.
    ///
    /// # Errors
    /// The system's answer.
    pub(super) fn start(file: F, interval: Duration) -> io::Result<Self> {
        let (end, ended) = bounded::<()>(0);
        let shared = Arc::new(Shared::default());
        let (own, again) = (Arc::clone(&shared), file.again()?);
        let body = move || {
            let mut wait = interval / 2;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let began = Instant::now();
                if own.dirty.swap(false, Ordering::AcqRel)
                    && let Err(error) = again.sync_data()
                {
                    *own.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return;
                }
                // What is written meanwhile waits for this sync and the next.
                wait = interval.saturating_sub(2 * began.elapsed()).max(interval / 2);
            }
        };
        std::thread::Builder::new().name("sink-sync".into()).spawn(body)?;
        Ok(Self { file, shared, _end: end })
    }

    fn trouble(&self) -> io::Result<()> {
        match self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl<F: Durable> Write for Syncing<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.trouble()?;
        let written = self.file.write(bytes)?;
        self.shared.dirty.store(true, Ordering::Release);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<F: Durable> SyncTarget for Syncing<F> {
    fn sync(&mut self) -> io::Result<()> {
        self.trouble()?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk: how much was written, and how much of it is safe.
    #[derive(Clone, Debug, Default)]
    struct Disk(Arc<Mutex<(usize, usize, u32)>>);

    impl Disk {
        fn until(&self, what: impl Fn(&(usize, usize, u32)) -> bool) -> bool {
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(20) {
                if what(&self.0.lock().unwrap()) {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            false
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Durable for Disk {
        fn again(&self) -> io::Result<Self> {
            Ok(self.clone())
        }

        fn sync_data(&self) -> io::Result<()> {
            let mut disk = self.0.lock().unwrap();
            if disk.0 > 100 {
                return Err(io::Error::other("the disk is gone"));
            }
            disk.1 = disk.0;
            disk.2 += 1;
            Ok(())
        }
    }

    #[test]
    fn the_last_write_is_synced_although_nothing_follows() {
        let disk = Disk::default();
        let mut file = Syncing::start(disk.clone(), Duration::from_millis(10)).unwrap();
        for total in [5, 10] {
            file.write_all(b"frame").unwrap();
            assert!(disk.until(|d| d.1 == total), "{disk:?}");
        }
        let syncs = disk.0.lock().unwrap().2;
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(disk.0.lock().unwrap().2, syncs, "nothing was written, so nothing is synced");
    }

    #[test]
    fn a_sync_that_fails_shows_at_the_next_write() {
        let disk = Disk::default();
        let mut file = Syncing::start(disk, Duration::from_millis(2)).unwrap();
        let began = Instant::now();
        let error = loop {
            if let Err(error) = file.write_all(&[0; 60]) {
                break error;
            }
            assert!(began.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(error.to_string().contains("the disk is gone"));
    }
}
