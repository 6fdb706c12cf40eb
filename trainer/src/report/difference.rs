//! What differs between recipes.

use std::collections::{BTreeMap, BTreeSet};

/// The keys whose values are not the same in all `recipes`, with the value in each; empty where a
/// recipe has none.
pub(super) fn difference<'a>(
    recipes: &[&'a BTreeMap<String, String>],
) -> Vec<(&'a str, Vec<&'a str>)> {
    let keys: BTreeSet<&str> = recipes.iter().flat_map(|r| r.keys()).map(String::as_str).collect();
    let row = |key: &'a str| {
        let value = |r: &&'a BTreeMap<String, String>| r.get(key).map_or("", String::as_str);
        (key, recipes.iter().map(value).collect::<Vec<_>>())
    };
    keys.into_iter()
        .map(row)
        .filter(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let recipe = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
            list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let (a, b) =
            (recipe(&[("x", "1"), ("y", "2")]), recipe(&[("x", "1"), ("y", "3"), ("z", "4")]));
        assert_eq!(difference(&[&a, &b]), [("y", vec!["2", "3"]), ("z", vec!["", "4"])]);
        assert!(difference(&[&a]).is_empty());
    }
}
