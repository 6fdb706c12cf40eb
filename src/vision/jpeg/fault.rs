//! Why a picture cannot be decoded.

use std::borrow::Cow;

/// The reason, as a sentence for the error; allocates only where a number is named.
#[derive(Debug)]
pub(super) struct Fault(pub(super) Cow<'static, str>);

impl From<&'static str> for Fault {
    fn from(reason: &'static str) -> Self {
        Self(Cow::Borrowed(reason))
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self(Cow::Owned(reason))
    }
}

/// Result of a step of the decoder.
pub(super) type Decoded<T> = Result<T, Fault>;

pub(super) const CUT_SHORT: &str = "the data end before the picture does";
