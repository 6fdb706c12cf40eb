//! The scan over the codes, and the exact scores of what it leaves.
//!
//! With x = s c + e (codes c, scale s, |e| <= s sqrt(d) / 2) and likewise the query q = t b + f,
//! the score x q differs from s t (c b) by at most |e| |q| + |s c| |f|, with |s c| <= |x| + |e|.
//! An entry whose upper bound lies below the k-th best lower bound is none of the k best. The rest is scored exactly.

use super::IndexError;
use super::codes::{Coded, exact};
use super::dot::dots;
use super::index::Index;
use super::layout::BLOCK;
use super::rank::{Best, Hit, Spread, Wish};
use crate::vision::vectorised;

/// A query in codes, with what bounds its error.
#[derive(Debug)]
pub(super) struct Query {
    coded: Coded,
    /// Length of the difference between the query and its codes.
    error: f64,
}

impl Query {
    pub(super) fn new(coded: Coded) -> Self {
        Self { error: coded.error(), coded }
    }
}

/// One search over one index.
pub(super) struct Searcher<'a> {
    index: &'a Index,
    query: &'a Query,
}

impl<'a> Searcher<'a> {
    pub(super) const fn new(index: &'a Index, query: &'a Query) -> Self {
        Self { index, query }
    }

    /// The best entries that are spread as wished. Duplicates are removed from an exact ranking
    /// that is made longer until enough are left.
    pub(super) fn search(&self, wish: &Wish) -> Result<Vec<Hit>, IndexError> {
        let all = self.index.len();
        let top = wish.top.min(all);
        let mut depth = if wish.spreads() { top.saturating_mul(4) } else { top }.min(all);
        loop {
            let ranked = self.ranking(depth)?;
            let mut kept = Spread::new(wish);
            for hit in ranked {
                if kept.len() == top {
                    break;
                }
                kept.offer(hit);
            }
            if kept.len() == top || depth == all {
                return kept.finish(self.index);
            }
            depth = depth.saturating_mul(8).min(all);
        }
    }

    /// The `depth` best entries in order.
    fn ranking(&self, depth: usize) -> Result<Vec<Hit>, IndexError> {
        let own = self.query.coded.vector.as_slice();
        let scored = self.candidates(depth).into_iter();
        let mut bytes = Vec::new();
        let mut score = |at| {
            self.index.read_vector(at, &mut bytes);
            (at, exact(&bytes, own))
        };
        let mut scored: Vec<(usize, f64)> = scored.map(&mut score).collect();
        // Records, which lie elsewhere in the file, are looked at for the best and their equals.
        if depth > 0 && scored.len() > depth {
            let (_, (_, last), _) =
                scored.select_nth_unstable_by(depth - 1, |a, b| b.1.total_cmp(&a.1));
            let last = *last;
            scored.retain(|(_, score)| score.total_cmp(&last).is_ge());
        }
        let hit = |(at, score): (usize, f64)| {
            // A damaged entry may score anything: it is named, not left out.
            let record = self.index.record(at).filter(|_| self.index.sound(at));
            Ok(Hit::new(at, score, &record.ok_or_else(|| self.index.damage(at))?))
        };
        let mut hits: Vec<Hit> = scored.into_iter().map(hit).collect::<Result<_, _>>()?;
        hits.sort_unstable_by(Hit::order);
        hits.truncate(depth);
        Ok(hits)
    }

    /// Every entry that can be among the `depth` best.
    fn candidates(&self, depth: usize) -> Vec<usize> {
        let layout = self.index.layout();
        let query = &self.query.coded;
        let bounds = Bounds::new(query, self.query.error, layout.dimension);
        let mut best = Best::new(depth);
        let mut products = [0i32; BLOCK];
        let mut uppers = [0f32; BLOCK];
        for block in 0..self.index.len().div_ceil(BLOCK) {
            let count = (self.index.len() - block * BLOCK).min(BLOCK);
            let Some(products) = products.get_mut(..count) else { break };
            let codes = self.index.part(block, layout.codes(), count * layout.stride);
            dots(codes, &query.codes, products);
            let scales = self.index.part(block, 0, 4 * count);
            let lengths = self.index.part(block, layout.lengths(), 4 * count);
            // Nearly always none, which is found without a branch an entry.
            if all_below(best.bar(), &bounds, products, scales, lengths, &mut uppers) {
                continue;
            }
            let pairs = scales.as_chunks::<4>().0.iter().zip(lengths.as_chunks::<4>().0);
            for (i, ((product, (scale, length)), upper)) in
                products.iter().zip(pairs).zip(&uppers).enumerate()
            {
                let below = *upper < best.bar();
                if !below {
                    best.keep(block * BLOCK + i, *upper, bounds.lower(*product, scale, length));
                }
            }
        }
        best.finish()
    }
}

/// What turns a product of codes into a score and a bound on its error.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The query's scale.
    scale: f32,
    /// Error for each unit of an entry's scale.
    per_step: f32,
    /// Error for each unit of an entry's length.
    per_length: f32,
}

impl Bounds {
    fn new(query: &Coded, error: f64, dimension: usize) -> Self {
        let half_diagonal = 0.5 * (dimension as f64).sqrt();
        let norm = f64::from(query.norm);
        // Rounded up: what follows is computed in f32.
        let slack = 1.0 + 1e-4;
        Self {
            scale: query.scale,
            per_step: (slack * half_diagonal * (norm + error)) as f32,
            per_length: (slack * error + 1e-6 * norm) as f32,
        }
    }

    /// Score and error of an entry.
    #[inline(always)]
    fn around(&self, product: i32, scale: &[u8; 4], length: &[u8; 4]) -> (f32, f32) {
        let (step, length) = (f32::from_le_bytes(*scale), f32::from_le_bytes(*length));
        (product as f32 * (step * self.scale), step * self.per_step + length * self.per_length)
    }

    fn lower(&self, product: i32, scale: &[u8; 4], length: &[u8; 4]) -> f32 {
        let (near, error) = self.around(product, scale, length);
        near - error
    }
}

vectorised! {
    /// Upper bounds on the scores of a block, and whether all lie below `bar`. Not the opposite of
    /// reaching it: a bound that is no number keeps its entry, to be found damaged.
    fn all_below(
        bar: f32,
        bounds: &Bounds,
        products: &[i32],
        scales: &[u8],
        lengths: &[u8],
        uppers: &mut [f32; BLOCK],
    ) -> bool {
        let entries = products
            .iter()
            .zip(scales.as_chunks::<4>().0)
            .zip(lengths.as_chunks::<4>().0)
            .zip(uppers);
        let mut below = true;
        for (((product, scale), length), upper) in entries {
            let (near, error) = bounds.around(*product, scale, length);
            *upper = near + error;
            below &= *upper < bar;
        }
        below
    }
}
