//! Keeps a panic inside tract from ending the program.
//!
//! tract indexes and unwraps on malformed graphs. Loading happens inside [`isolated`], and so does
//! running: a panic becomes an error and the session is not used again. What cannot be caught is a
//! stack overflow or an abort; `panic = "unwind"` is set in the workspace for this reason.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static ISOLATED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Installs, once, a hook that keeps quiet about panics on this thread while it is isolated; all
/// others go to the hook that was there.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if ISOLATED.try_with(Cell::get).unwrap_or(false) {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                let _ = PLACE.try_with(|p| p.replace(place));
            } else {
                previous(info);
            }
        }));
    });
}

/// Runs `call`; a panic in it becomes a message with its place.
pub(super) fn isolated<R>(call: impl FnOnce() -> R) -> Result<R, String> {
    install_hook();
    let before = ISOLATED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(call));
    ISOLATED.set(before);
    outcome.map_err(|payload| {
        let place = PLACE.take();
        // The crate and file say enough; the path of the build machine says nothing.
        let place = place.rsplit("/src/").next().unwrap_or_default();
        format!("internal panic at {place}: {}", message(payload.as_ref()))
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_message() {
        let empty: Vec<u8> = Vec::new();
        let index = empty.len() + 3;
        let error = isolated(|| empty[index]).unwrap_err();
        assert!(error.contains("isolate.rs") && error.contains("index"), "{error}");
        assert_eq!(isolated(|| 5), Ok(5));
    }
}
