//! Why a captured frame was not processed.

use std::fmt;

/// The reasons of the accounting identity
/// `captured = processed + in_flight + sum(dropped{reason})`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The driver's sequence jumped: the frame never reached us.
    DriverGap,
    /// The driver or the file marked the frame as damaged, or it was too short.
    Corrupt,
    /// The compressed picture could not be decoded.
    Decode,
    /// A policy such as `every-n` or `latest` left the frame out on purpose.
    Policy,
    /// The ring or the buffer pool was full.
    Ring,
    /// The result would have come too late.
    Deadline,
    /// The run ended before the frame's turn.
    Shutdown,
}

impl DropReason {
    /// Every reason, in the order of the report.
    pub const ALL: [Self; 7] = [
        Self::DriverGap,
        Self::Corrupt,
        Self::Decode,
        Self::Policy,
        Self::Ring,
        Self::Deadline,
        Self::Shutdown,
    ];

    /// The name used in reports and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DriverGap => "driver_gap",
            Self::Corrupt => "corrupt",
            Self::Decode => "decode",
            Self::Policy => "policy",
            Self::Ring => "ring",
            Self::Deadline => "deadline",
            Self::Shutdown => "shutdown",
        }
    }

    /// Position in [`DropReason::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_matches_the_list() {
        for (i, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), i);
        }
    }
}
