//! A set of bands of a picture, as frames carry it.

use std::fmt;

use super::slices::MAX_SLICES;

/// Numbers of bands, 0 the uppermost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BandSet(u64);

// A band is a bit.
const _: () = assert!(MAX_SLICES <= u64::BITS as usize);

impl BandSet {
    /// No band.
    pub const NONE: Self = Self(0);

    /// The first `count` bands.
    #[must_use]
    pub const fn first(count: usize) -> Self {
        Self(if count >= 64 { u64::MAX } else { (1 << count) - 1 })
    }

    /// The set whose bit n stands for band n.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Bit n stands for band n.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// True when no band is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Number of bands.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// True when `band` is in it.
    #[must_use]
    pub const fn contains(self, band: usize) -> bool {
        band < 64 && self.0 >> band & 1 == 1
    }

    /// Puts `band` in or takes it out.
    pub const fn set(&mut self, band: usize, inside: bool) {
        if band < 64 {
            self.0 = self.0 & !(1 << band) | (inside as u64) << band;
        }
    }

    /// The bands in rising order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |&band| self.contains(band))
    }
}

impl fmt::Display for BandSet {
    /// `0, 2-4`; `none` when empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut from = 0;
        let mut comma = "";
        while let Some(first) = (from..64).find(|&b| self.contains(b)) {
            let end = (first..64).find(|&b| !self.contains(b)).unwrap_or(64);
            write!(f, "{comma}{first}")?;
            if end - first > 1 {
                write!(f, "-{}", end - 1)?;
            }
            comma = ", ";
            from = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_names() {
        let mut set = BandSet::first(2);
        set.set(4, true);
        set.set(5, true);
        set.set(63, true);
        set.set(64, true);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1, 4, 5, 63]);
        assert_eq!(set.to_string(), "0-1, 4-5, 63");
        set.set(0, false);
        assert_eq!((set.len(), set.contains(0), set.contains(1)), (4, false, true));
        assert_eq!(BandSet::NONE.to_string(), "none");
        assert_eq!(BandSet::first(64).to_string(), "0-63");
        assert_eq!(BandSet::from_bits(set.bits()), set);
    }
}
