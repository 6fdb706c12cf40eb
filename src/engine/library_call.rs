//! Marks the time spent inside an inference library, so that its allocations can be told from ours.
//!
//! The mark is a thread-local flag: setting it costs nothing worth measuring, and the counting
//! allocator of the tests reads it.

use std::cell::Cell;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// True while this thread is inside a library call of an engine.
#[must_use]
pub fn inside_library() -> bool {
    // During thread teardown the flag is gone and no library call is running.
    INSIDE.try_with(Cell::get).unwrap_or(false)
}

struct Leave(bool);

impl Drop for Leave {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// Runs `call` with the mark set; unwinding clears it too.
pub(super) fn library_call<R>(call: impl FnOnce() -> R) -> R {
    let _leave = Leave(INSIDE.replace(true));
    call()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_cleared_by_unwinding() {
        assert!(!inside_library());
        let caught = std::panic::catch_unwind(|| {
            library_call(|| {
                assert!(inside_library());
                std::panic::resume_unwind(Box::new(()));
            })
        });
        assert!(caught.is_err() && !inside_library());
    }
}
