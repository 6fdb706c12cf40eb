//! What a frame ring does with a frame it has no place for.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The policy of a [`FrameRing`](super::FrameRing).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Only the newest frame is kept; an older one still waiting is dropped as `policy`. The
    /// choice for live sources: the age of a result stays bounded whatever the model costs.
    Latest,
    /// When full, the oldest waiting frame is dropped as `ring`.
    DropOldest,
    /// When full, the frame offered is dropped as `ring`.
    DropNewest,
    /// When full, the producer waits until its deadline. The choice for files: nothing is lost.
    Block,
    /// Only each n-th frame offered is kept, the others are dropped as `policy`; when full, the
    /// producer waits as in [`Policy::Block`].
    EveryN(NonZeroU32),
}

/// A policy that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown ring policy {text:?}; write latest, drop-oldest, drop-newest, block or every-N with N from 1 to {max}, for example every-3",
    max = Policy::MAX_EVERY
)]
pub struct PolicyError {
    text: String,
}

impl Policy {
    /// The largest N of `every-N`.
    pub const MAX_EVERY: u32 = 10_000;
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.pad("latest"),
            Self::DropOldest => f.pad("drop-oldest"),
            Self::DropNewest => f.pad("drop-newest"),
            Self::Block => f.pad("block"),
            Self::EveryN(n) => write!(f, "every-{n}"),
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Ok(match text {
            "latest" => Self::Latest,
            "drop-oldest" => Self::DropOldest,
            "drop-newest" => Self::DropNewest,
            "block" => Self::Block,
            _ => text
                .strip_prefix("every-")
                .and_then(|n| n.parse::<NonZeroU32>().ok())
                .filter(|n| n.get() <= Self::MAX_EVERY)
                .map(Self::EveryN)
                .ok_or_else(|| PolicyError { text: text.chars().take(40).collect() })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["latest", "drop-oldest", "drop-newest", "block", "every-1", "every-30"] {
            assert_eq!(name.parse::<Policy>().unwrap().to_string(), name);
        }
        for bad in ["", "newest", "every-0", "every-", "every-n", "every-10001"] {
            let error = bad.parse::<Policy>().unwrap_err().to_string();
            assert!(error.contains("every-3") && error.contains(&format!("{bad:?}")), "{error}");
        }
    }
}
