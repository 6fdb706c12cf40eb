//! What lies beyond the border of a picture.

use serde::{Deserialize, Serialize};

/// How a picture goes on beyond its border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FillMode {
    /// The outermost pixel: `aaa|abcd|ddd`.
    #[default]
    Nearest,
    /// One level: `kkk|abcd|kkk`.
    Constant,
    /// Mirrored at the border: `cba|abcd|dcb`.
    Reflect,
    /// From the other side: `bcd|abcd|abc`.
    Wrap,
}

impl FillMode {
    /// The pixel of a line of `len` that stands at `at`; `None` for the constant level.
    pub(super) fn index(self, at: i64, len: i64) -> Option<usize> {
        let inside = match self {
            Self::Nearest => at.clamp(0, len - 1),
            Self::Constant => at,
            Self::Reflect => {
                let turn = at.rem_euclid(2 * len);
                turn.min(2 * len - 1 - turn)
            }
            Self::Wrap => at.rem_euclid(len),
        };
        (0..len).contains(&inside).then_some(inside as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_as_drawn() {
        let line = |mode: FillMode| -> String {
            let letter = |i: Option<usize>| i.map_or('k', |i| ['a', 'b', 'c', 'd'][i]);
            (-5..9).map(|at| letter(mode.index(at, 4))).collect()
        };
        assert_eq!(line(FillMode::Nearest), "aaaaaabcdddddd");
        assert_eq!(line(FillMode::Constant), "kkkkkabcdkkkkk");
        assert_eq!(line(FillMode::Reflect), "ddcbaabcddcbaa");
        assert_eq!(line(FillMode::Wrap), "dabcdabcdabcda");
    }
}
