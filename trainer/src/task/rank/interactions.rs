//! Who liked what: positives by user, split by time.

use std::collections::{BTreeMap, BTreeSet};

use framecast::task::rank::full_auc;

use super::movielens::{Film, MovieLens};

/// What each user liked, as numbers of items.
pub type Likes = Vec<Vec<usize>>;

/// Positives of a data set, split.
#[derive(Clone, Debug)]
pub struct Interactions {
    /// The users, by their number in the file.
    pub users: Vec<u32>,
    /// The candidates: films with at least one positive to learn from or hold out.
    pub items: Vec<(u32, Film)>,
    /// Learned from.
    pub fit: Likes,
    /// Held out to choose settings; the end of what may be learned from.
    pub hold_out: Likes,
    /// Scored in the end.
    pub test: Likes,
    /// Test positives that are no candidates, and so are not scored.
    pub unknown: usize,
}

/// The first `1 - share` of a list.
fn cut(len: usize, share: f64) -> usize {
    // Rounded down, as a plain `int(0.8 * n)` is.
    ((1.0 - share) * len as f64 + 1e-9).floor() as usize
}

impl Interactions {
    /// Ratings of at least `like` stars, the last `test` of each user's to be scored and the last
    /// `hold_out` of the rest held out; in order of time, then of the film's number.
    #[must_use]
    pub fn new(data: &MovieLens, like: f32, test: f64, hold_out: f64) -> Self {
        let users: BTreeSet<u32> = data.ratings.iter().map(|r| r.user).collect();
        let mut likes: BTreeMap<u32, Vec<(u64, u32)>> =
            users.iter().map(|u| (*u, Vec::new())).collect();
        for rating in data.ratings.iter().filter(|r| r.stars >= like) {
            likes.entry(rating.user).or_default().push((rating.time, rating.film));
        }
        let mut parts: [Vec<Vec<u32>>; 3] = Default::default();
        for mut list in likes.into_values() {
            list.sort_unstable();
            let films: Vec<u32> = list.into_iter().map(|(_, film)| film).collect();
            let (train, last) = films.split_at(cut(films.len(), test));
            let (first, held) = train.split_at(cut(train.len(), hold_out));
            for (part, list) in parts.iter_mut().zip([first, held, last]) {
                part.push(list.to_vec());
            }
        }
        let [fit, held, last] = parts;
        let known: BTreeSet<u32> = fit.iter().chain(&held).flatten().copied().collect();
        let place: BTreeMap<u32, usize> = known.iter().copied().zip(0..).collect();
        let numbers = |lists: &[Vec<u32>]| -> Likes {
            let number = |list: &Vec<u32>| -> Vec<usize> {
                list.iter().filter_map(|f| place.get(f).copied()).collect()
            };
            lists.iter().map(number).collect()
        };
        let film = |f: &u32| (*f, data.films.get(f).cloned().unwrap_or_default());
        let test = numbers(&last);
        let count = |lists: &[Vec<u32>]| lists.iter().map(Vec::len).sum::<usize>();
        Self {
            users: users.into_iter().collect(),
            items: known.iter().map(film).collect(),
            fit: numbers(&fit),
            hold_out: numbers(&held),
            unknown: count(&last) - test.iter().map(Vec::len).sum::<usize>(),
            test,
        }
    }

    /// Positives of each item in `parts`.
    #[must_use]
    pub fn popularity(&self, parts: &[&Likes]) -> Vec<f32> {
        let mut counts = vec![0.0; self.items.len()];
        for item in parts.iter().flat_map(|p| p.iter()).flatten() {
            if let Some(count) = counts.get_mut(*item) {
                *count += 1.0;
            }
        }
        counts
    }

    /// The mean over users of the AUC of their `wanted` items among the items with a positive in
    /// `known`, less the user's `own`; and the number of users that have one.
    #[must_use]
    pub fn mean_auc(
        &self,
        wanted: &Likes,
        known: &[&Likes],
        own: &[&Likes],
        scores: &dyn Fn(usize) -> Vec<f32>,
    ) -> (f64, usize) {
        let popularity = self.popularity(known);
        let (mut sum, mut users) = (0.0, 0);
        for (user, list) in wanted.iter().enumerate().filter(|(_, list)| !list.is_empty()) {
            // 0 is no candidate, 1 another item, 2 a wanted one.
            let mut kinds: Vec<u8> = popularity.iter().map(|&p| u8::from(p > 0.0)).collect();
            let own = own.iter().filter_map(|part| part.get(user)).flatten();
            for (kind, items) in [(2, list.iter().collect::<Vec<_>>()), (0, own.collect())] {
                for item in items {
                    if let Some(k) = kinds.get_mut(*item).filter(|k| **k > 0) {
                        *k = kind;
                    }
                }
            }
            let candidates = kinds.iter().enumerate().filter(|(_, k)| **k > 0);
            if let Some(auc) = full_auc(&scores(user), candidates.map(|(i, k)| (i, *k == 2))) {
                sum += auc;
                users += 1;
            }
        }
        (sum / users.max(1) as f64, users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> MovieLens {
        let mut ratings = String::from("userId,movieId,rating,timestamp\n");
        // User 5 likes films 1 to 10 in this order; user 9 likes 3 and, at the end, 99.
        (1..=10).for_each(|f| ratings += &format!("5,{f},4,{}\n", 1000 + f));
        ratings += "5,50,3.5,1\n9,3,5,1\n9,4,5,2\n9,5,5,3\n9,6,5,4\n9,99,5,5\n";
        let mut films = String::from("movieId,title,genres\n");
        (1..=99).for_each(|f| films += &format!("{f},Film {f} (2000),Drama\n"));
        MovieLens::parse(&ratings, &films).unwrap()
    }

    #[test]
    fn the_end_of_each_user_is_tested_and_only_known_items_are_candidates() {
        let found = Interactions::new(&data(), 4.0, 0.2, 0.25);
        assert_eq!(found.users, [5, 9]);
        // Of 10: 8 and 2, the 8 into 6 and 2. Film 50 was not liked, 9, 10 and 99 only in the test.
        assert_eq!(
            found.items.iter().map(|i| i.0).collect::<Vec<_>>(),
            (1..=8).collect::<Vec<_>>()
        );
        assert_eq!(found.fit, [vec![0, 1, 2, 3, 4, 5], vec![2, 3, 4]]);
        assert_eq!(found.hold_out, [vec![6, 7], vec![5]]);
        assert_eq!((found.test.clone(), found.unknown), (vec![vec![], vec![]], 3));
    }

    #[test]
    fn own_positives_are_no_candidates() {
        let found = Interactions::new(&data(), 4.0, 0.0, 0.25);
        assert_eq!(found.test.iter().flatten().count(), 0);
        // User 5 holds 8 and 9 (items 7, 8, 9) out; user 9 film 6 and 99.
        let known = [&found.fit];
        let (auc, users) = found.mean_auc(&found.hold_out, &known, &known, &|_| vec![0.0; 11]);
        assert!((auc - 0.5).abs() < 1e-12 && users == 1, "{auc} {users}");
        let popular = found.popularity(&known);
        assert_eq!(popular[2], 2.0);
    }
}
