//! Word vectors by counting: how often two words stand in one sentence, beyond chance (positive
//! pointwise mutual information), in few numbers (Levy and Goldberg, 2014).

use std::collections::{HashMap, HashSet};

use framecast::model::Tokenizer;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// Rounds of the iteration towards the strongest directions.
const ROUNDS: usize = 8;

/// A row of `size` numbers for each id of `tokenizer`, those of rare words longer; special ids have
/// zeros. The same sentences and seed give the same numbers.
pub(super) fn vectors(
    tokenizer: &Tokenizer,
    sentences: &[String],
    size: usize,
    seed: u64,
) -> Vec<f32> {
    let ids = tokenizer.ids();
    let mut together: HashMap<(u32, u32), f64> = HashMap::new();
    let mut holds = vec![0f64; ids];
    for sentence in sentences {
        let Ok(encoded) = tokenizer.encode(sentence) else { continue };
        let special = [tokenizer.pad, tokenizer.unknown, tokenizer.end];
        let words: HashSet<u32> =
            encoded.ids.into_iter().filter(|id| !special.contains(id)).collect();
        for &a in &words {
            holds[a as usize] += 1.0;
            for &b in words.iter().filter(|b| **b != a) {
                *together.entry((a, b)).or_default() += 1.0;
            }
        }
    }
    let total: f64 = together.values().sum();
    let mut row = vec![0f64; ids];
    together.iter().for_each(|((a, _), n)| row[*a as usize] += n);
    let beyond = |(&(a, b), &n): (&(u32, u32), &f64)| {
        let value = (n * total / (row[a as usize] * row[b as usize])).ln();
        (value > 0.0).then_some((a as usize, b as usize, value as f32))
    };
    let mut matrix: Vec<(usize, usize, f32)> = together.iter().filter_map(beyond).collect();
    // Sums depend on their order, and that of a map is a matter of chance.
    matrix.sort_unstable_by_key(|&(a, b, _)| (a, b));
    let size = size.min(ids);
    let mut random = Pcg64::seed_from_u64(seed);
    let mut basis: Vec<f32> = (0..ids * size).map(|_| random.random_range(-1.0f32..1.0)).collect();
    for _ in 0..ROUNDS {
        basis = product(&matrix, &basis, size);
        orthonormal(&mut basis, size);
    }
    let strong = product(&matrix, &basis, size);
    let strength = |column: usize| {
        strong.iter().skip(column).step_by(size).map(|v| v * v).sum::<f32>().sqrt().max(1e-6)
    };
    // Directions by the root of their strength: all matter, the strong ones more.
    let scales: Vec<f32> = (0..size).map(|c| 1.0 / strength(c).sqrt()).collect();
    let count = sentences.len().max(1) as f64;
    let mut table = vec![0f32; ids * size];
    for (id, (to, from)) in table.chunks_mut(size).zip(strong.chunks(size)).enumerate() {
        let scaled: Vec<f32> = from.iter().zip(&scales).map(|(v, s)| v * s).collect();
        let length = scaled.iter().map(|v| v * v).sum::<f32>().sqrt();
        if length > 0.0 && holds[id] > 0.0 {
            let rarity = ((count / holds[id]).ln() / 5.0) as f32;
            to.iter_mut().zip(scaled).for_each(|(t, v)| *t = v / length * rarity);
        }
    }
    table
}

/// A sparse symmetric matrix times `columns`.
fn product(matrix: &[(usize, usize, f32)], columns: &[f32], size: usize) -> Vec<f32> {
    let mut out = vec![0f32; columns.len()];
    for &(a, b, value) in matrix {
        let from = &columns[b * size..(b + 1) * size];
        out[a * size..(a + 1) * size].iter_mut().zip(from).for_each(|(o, v)| *o += value * v);
    }
    out
}

/// Makes the columns orthogonal and of length one, in order.
fn orthonormal(columns: &mut [f32], size: usize) {
    for column in 0..size {
        for before in 0..column {
            let dot: f32 = columns.chunks(size).map(|row| row[column] * row[before]).sum();
            columns.chunks_mut(size).for_each(|row| row[column] -= dot * row[before]);
        }
        let length = columns.chunks(size).map(|row| row[column].powi(2)).sum::<f32>().sqrt();
        columns.chunks_mut(size).for_each(|row| row[column] /= length.max(1e-9));
    }
}

#[cfg(test)]
mod tests {
    use framecast::model::tokenizer::FitOptions;

    use super::*;

    #[test]
    fn words_of_like_company_are_near() {
        let mut sentences = Vec::new();
        for animal in ["dog", "cat"] {
            for act in ["runs", "sleeps", "eats"] {
                sentences.push(format!("a {animal} {act} outside"));
            }
        }
        for thing in ["car", "bus"] {
            for act in ["drives", "stops", "waits"] {
                sentences.push(format!("the {thing} {act} there"));
            }
        }
        let texts = sentences.iter().map(String::as_str);
        let tokenizer =
            Tokenizer::fit(texts, &FitOptions { length: 8, ..Default::default() }).unwrap();
        let table = vectors(&tokenizer, &sentences, 6, 1);
        assert_eq!(table, vectors(&tokenizer, &sentences, 6, 1));
        let of = |word: &str| {
            let id = tokenizer.vocabulary[word] as usize;
            table[id * 6..(id + 1) * 6].to_vec()
        };
        let cosine = |a: &str, b: &str| {
            let (a, b) = (of(a), of(b));
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
            dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
        };
        assert!(cosine("dog", "cat") > 0.8 && cosine("dog", "car") < 0.3);
        assert!(table[..3 * 6].iter().all(|v| *v == 0.0));
    }
}
