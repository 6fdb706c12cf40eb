//! MovieLens by the protocol of `docs/ranking.md`, against numbers of a program of its own.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::{Path, PathBuf};

use framecast_trainer::task::rank::{Interactions, MovieLens};

#[test]
fn movielens_is_split_and_popularity_scored_as_a_plain_program_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data =
        std::env::var("FRAMECAST_DATA").map_or_else(|_| root.join("../shared/data"), PathBuf::from);
    let archive = data.join("movielens/ml-latest-small.zip");
    if !archive.is_file() {
        let reason = format!("{} is absent; set FRAMECAST_DATA", archive.display());
        assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "{reason}");
        return eprintln!("skipped: {reason}");
    }
    let read = MovieLens::read(&archive).unwrap();
    assert_eq!((read.ratings.len(), read.films.len()), (100_836, 9_742));
    let found = Interactions::new(&read, 4.0, 0.2, 0.0);
    let count = |likes: &[Vec<usize>]| likes.iter().map(Vec::len).sum::<usize>();
    assert_eq!((found.users.len(), found.items.len()), (610, 5_289));
    assert_eq!(count(&found.fit), 38_614);
    assert_eq!(count(&found.test) + found.unknown, 48_580 - 38_614);
    let known = [&found.fit];
    let popularity = found.popularity(&known);
    let (auc, users) = found.mean_auc(&found.test, &known, &known, &|_| popularity.clone());
    // NumPy, from sorted scores: 0.8422521356.
    assert!((auc - 0.842_252_135_6).abs() < 1e-9 && users == 608, "{auc} {users}");
}
