//! How often in a row each frame of a camera is shown, as some cameras and converted films do.

use std::fmt;
use std::str::FromStr;

/// A pattern that repeats: `1` shows each frame once, `2` twice, `2,3` is film at 60 fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cadence(Vec<u64>);

/// The longest pattern and the most times a frame is shown.
const MOST: usize = 16;

impl Default for Cadence {
    fn default() -> Self {
        Self(vec![1])
    }
}

impl Cadence {
    /// How often distinct frame `number` is shown.
    #[must_use]
    pub fn shown(&self, number: u64) -> u64 {
        let at = number as usize % self.0.len().max(1);
        self.0.get(at).copied().unwrap_or(1)
    }
}

impl FromStr for Cadence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is no cadence: 1 to {MOST} numbers from 1 to {MOST} with commas between, \
                 such as 1 or 2,3"
            )
        };
        let times: Vec<u64> = text
            .split(',')
            .map(|part| part.trim().parse().map_err(|_| bad()))
            .collect::<Result<_, _>>()?;
        let right = times.len() <= MOST && times.iter().all(|n| (1..=MOST as u64).contains(n));
        if right { Ok(Self(times)) } else { Err(bad()) }
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_repeat_and_nonsense_is_refused() {
        let film: Cadence = "2, 3".parse().unwrap();
        assert_eq!((0..4).map(|n| film.shown(n)).collect::<Vec<_>>(), [2, 3, 2, 3]);
        assert_eq!(film.to_string(), "2,3");
        for bad in ["", "0", "17", "a", "1,,2", "-1"] {
            assert!(bad.parse::<Cadence>().unwrap_err().contains("2,3"), "{bad}");
        }
    }
}
