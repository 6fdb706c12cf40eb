//! The regressors of a plane.

use super::plane::Kind;

/// Where the predictor's picture lies among the moved references.
pub(super) const PREDICTED: usize = 2;

/// Where the predictor's memory lies among them.
pub(super) const MEMORY: usize = 3;

/// A regressor: a sample of a surface beside the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tap {
    /// Of the plane itself.
    Own(isize, isize),
    /// Of a moved reference.
    Moved(usize, isize, isize),
    /// Of a plane coded before: itself in a key frame (less its sample above), else its residue
    /// after motion.
    Guide(usize, isize, isize),
    /// With a bound: by how many steps of the quantiser the last frame's prediction missed.
    Steps,
}

/// The regressors of a plane of `kind`, `bounded` or exact; the two of the row itself come first.
pub(super) fn taps(kind: Kind, bounded: bool) -> Vec<Tap> {
    let mut taps = vec![Tap::Own(0, -1), Tap::Own(0, -2)];
    let own: &[(isize, isize)] = match (kind.references, kind.guides) {
        (0, 0) => &[(-1, -1), (-1, 1), (-2, 0), (-2, 1), (-1, -2), (-1, 2), (-2, -1)],
        (0, _) => &[(-1, -1), (-1, 1), (-2, 0)],
        (_, 0) => &[(-1, 0), (-1, -1), (-1, 1), (-2, 0), (-2, 1), (-1, -2)],
        _ => &[(-1, 0), (-1, -1), (-1, 1)],
    };
    taps.extend(own.iter().map(|&(y, x)| Tap::Own(y, x)));
    const CROSS: [(isize, isize); 4] = [(0, -1), (0, 1), (-1, 0), (1, 0)];
    const CORNERS: [(isize, isize); 4] = [(-1, -1), (-1, 1), (1, -1), (1, 1)];
    if kind.references > 0 {
        taps.extend(CROSS.map(|(y, x)| Tap::Moved(0, y, x)));
        if kind.guides == 0 {
            taps.extend(CORNERS.map(|(y, x)| Tap::Moved(0, y, x)));
        }
    }
    if kind.references > 1 {
        taps.push(Tap::Moved(1, 0, 0));
        if kind.guides == 0 {
            taps.extend(CROSS.map(|(y, x)| Tap::Moved(1, y, x)));
        }
    }
    if kind.predicted {
        taps.push(Tap::Moved(PREDICTED, 0, 0));
        taps.extend(CROSS.map(|(y, x)| Tap::Moved(PREDICTED, y, x)));
    }
    if kind.memory {
        taps.push(Tap::Moved(MEMORY, 0, 0));
        if kind.guides > 0 {
            taps.extend(CROSS.map(|(y, x)| Tap::Moved(MEMORY, y, x)));
        }
    }
    for guide in 0..kind.guides {
        taps.push(Tap::Guide(guide, 0, 0));
        taps.extend(CROSS.map(|(y, x)| Tap::Guide(guide, y, x)));
        if kind.references == 0 {
            taps.retain(|t| !matches!(t, Tap::Guide(_, -1, 0)));
        }
    }
    if bounded && kind.references > 0 {
        taps.push(Tap::Steps);
    }
    taps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::band::solve::MOST;

    #[test]
    fn systems_have_room_for_all_regressors() {
        let flags = [false, true];
        for (references, guides) in (0..3).flat_map(|r| (0..3).map(move |g| (r, g))) {
            for (predicted, memory) in flags.into_iter().flat_map(|p| flags.map(|m| (p, m))) {
                let kind = Kind { references, guides, predicted, memory };
                for bounded in flags {
                    let taps = taps(kind, bounded);
                    // The target stands behind them.
                    assert!(taps.len() < MOST, "{kind:?}: {taps:?}");
                }
            }
        }
    }
}
