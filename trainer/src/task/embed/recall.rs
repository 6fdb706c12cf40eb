//! How well sentences find their pictures, and pictures their sentences.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64;

/// Scores of sentences x pictures of one gallery.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    /// Row by row, a sentence each.
    pub scores: Vec<f32>,
    /// The picture each sentence is about.
    pub owners: Vec<usize>,
    /// Number of pictures.
    pub pictures: usize,
}

/// The ranks of the right ones, 1 being the best; equal scores count against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranks(pub Vec<usize>);

/// Whether a score is worse than the right one's; one that is no number is not.
fn below(score: f32, right: f32) -> bool {
    score < right
}

impl Gallery {
    fn row(&self, sentence: usize) -> &[f32] {
        self.scores
            .get(sentence * self.pictures..(sentence + 1) * self.pictures)
            .unwrap_or_default()
    }

    /// Share of pairs of a sentence and another's picture in which its own picture scores higher.
    #[must_use]
    pub fn pairwise(&self) -> f64 {
        let (mut higher, mut all) = (0usize, 0usize);
        for (sentence, owner) in self.owners.iter().enumerate() {
            let row = self.row(sentence);
            let own = row.get(*owner).copied().unwrap_or(f32::NEG_INFINITY);
            higher += row.iter().filter(|score| **score < own).count();
            all += row.len().saturating_sub(1);
        }
        higher as f64 / all.max(1) as f64
    }

    /// For each sentence the rank of its picture, when `pictures[i]` stands for picture i.
    fn text_to_image_as(&self, stands: &[usize]) -> Ranks {
        let rank = |(sentence, owner): (usize, &usize)| {
            let row = self.row(sentence);
            let right = stands.get(*owner).copied().unwrap_or(*owner);
            let own = row.get(right).copied().unwrap_or(f32::NEG_INFINITY);
            // Its own score is among them.
            row.iter().filter(|s| !below(**s, own)).count()
        };
        Ranks(self.owners.iter().enumerate().map(rank).collect())
    }

    /// For each sentence the rank of its picture.
    #[must_use]
    pub fn text_to_image(&self) -> Ranks {
        self.text_to_image_as(&[])
    }

    fn image_to_text_as(&self, stands: &[usize]) -> Ranks {
        let rank = |picture: usize| {
            let column = stands.get(picture).copied().unwrap_or(picture);
            let score = |s: usize| self.row(s).get(column).copied().unwrap_or(f32::NEG_INFINITY);
            let own = (0..self.owners.len()).filter(|s| self.owners[*s] == picture);
            let best = own.map(score).fold(f32::NEG_INFINITY, f32::max);
            let others = (0..self.owners.len()).filter(|s| self.owners[*s] != picture);
            1 + others.filter(|s| !below(score(*s), best)).count()
        };
        Ranks((0..self.pictures).map(rank).collect())
    }

    /// For each picture the rank of the best of its sentences.
    #[must_use]
    pub fn image_to_text(&self) -> Ranks {
        self.image_to_text_as(&[])
    }
}

impl Ranks {
    /// Share with a rank of `k` or better.
    #[must_use]
    pub fn recall(&self, k: usize) -> f64 {
        self.0.iter().filter(|rank| **rank <= k).count() as f64 / self.0.len().max(1) as f64
    }

    /// The median; of an even number the mean of the two in the middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut ranks = self.0.clone();
        ranks.sort_unstable();
        match (ranks.get(ranks.len().saturating_sub(1) / 2), ranks.get(ranks.len() / 2)) {
            (Some(a), Some(b)) => (*a + *b) as f64 / 2.0,
            _ => 0.0,
        }
    }
}

/// Ranks over several galleries in both directions, and what chance gives.
#[derive(Clone, Debug, Default)]
pub struct Both {
    /// Sentences that look for their picture.
    pub text_to_image: Ranks,
    /// Pictures that look for one of their sentences.
    pub image_to_text: Ranks,
}

impl Both {
    /// The ranks in all `galleries`.
    #[must_use]
    pub fn of(galleries: &[Gallery]) -> Self {
        Self::standing(galleries, &vec![Vec::new(); galleries.len()])
    }

    fn standing(galleries: &[Gallery], stands: &[Vec<usize>]) -> Self {
        let mut both = Self::default();
        for (gallery, stands) in galleries.iter().zip(stands) {
            both.text_to_image.0.extend(gallery.text_to_image_as(stands).0);
            both.image_to_text.0.extend(gallery.image_to_text_as(stands).0);
        }
        both
    }
}

/// What chance gives, found by letting every picture stand for another one `rounds` times.
#[derive(Clone, Debug, Default)]
pub struct Chance {
    /// Mean recall at 1, 5 and 10, sentences to pictures and back.
    pub recall: [[f64; 3]; 2],
    /// Mean of the median rank, both ways.
    pub median: [f64; 2],
    /// Share of the rounds whose median rank is as good as the true one, with the true one counted
    /// in (a permutation test), both ways.
    pub p: [f64; 2],
}

impl Chance {
    /// Permutes the pictures of each gallery.
    #[must_use]
    pub fn of(galleries: &[Gallery], rounds: usize, seed: u64) -> Self {
        let own = Both::of(galleries);
        let own = [own.text_to_image.median(), own.image_to_text.median()];
        let mut random = Pcg64::seed_from_u64(seed);
        let mut chance = Self::default();
        let mut as_good = [1usize; 2];
        for _ in 0..rounds {
            let stands: Vec<Vec<usize>> = galleries
                .iter()
                .map(|gallery| {
                    let mut stands: Vec<usize> = (0..gallery.pictures).collect();
                    stands.shuffle(&mut random);
                    stands
                })
                .collect();
            let both = Both::standing(galleries, &stands);
            for (way, ranks) in [&both.text_to_image, &both.image_to_text].into_iter().enumerate() {
                for (sum, k) in chance.recall[way].iter_mut().zip([1, 5, 10]) {
                    *sum += ranks.recall(k) / rounds.max(1) as f64;
                }
                chance.median[way] += ranks.median() / rounds.max(1) as f64;
                as_good[way] += usize::from(ranks.median() <= own[way]);
            }
        }
        chance.p = as_good.map(|n| n as f64 / (rounds + 1) as f64);
        chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_by_hand() {
        let gallery = Gallery {
            scores: vec![0.9, 0.1, 0.5, 0.2, 0.6, 0.6, 0.3, 0.3, 0.1, 0.0, 0.0, 0.7],
            owners: vec![0, 1, 0, 2],
            pictures: 3,
        };
        assert_eq!(gallery.text_to_image().0, [1, 2, 2, 1]);
        assert_eq!(gallery.image_to_text().0, [1, 1, 1]);
        // Two, one (its like is no better), one and two of two others.
        assert_eq!(gallery.pairwise(), 6.0 / 8.0);
        let ranks = Ranks(vec![1, 4, 2, 9]);
        assert_eq!((ranks.recall(1), ranks.recall(4), ranks.median()), (0.25, 0.75, 3.0));
    }

    #[test]
    fn a_constant_model_is_at_the_end_and_a_perfect_one_beyond_chance() {
        let pictures = 20;
        let owners: Vec<usize> = (0..pictures * 2).map(|s| s / 2).collect();
        let flat = Gallery {
            scores: vec![0.5; pictures * owners.len()],
            owners: owners.clone(),
            pictures,
        };
        assert_eq!(flat.text_to_image().median(), 20.0);
        assert_eq!(flat.text_to_image().recall(10), 0.0);
        let scores = owners
            .iter()
            .flat_map(|o| {
                (0..pictures).map(move |p| f32::from(u8::from(p == *o)) - 0.01 * p as f32)
            })
            .collect();
        let perfect = Gallery { scores, owners, pictures };
        let chance = Chance::of(&[perfect.clone(), perfect], 300, 1);
        assert!((chance.recall[0][2] - 0.5).abs() < 0.05, "{chance:?}");
        assert!(chance.p[0] < 0.01 && chance.p[1] < 0.01);
    }
}
