//! A search over a million embeddings beside the time to read their codes once:
//! `cargo bench --bench search [ENTRIES]`.
//!
//! Writes an index of seeded random unit vectors of 256 numbers into a temporary folder (1.4 GB for
//! a million), then takes searches and plain sums over the codes in turn, on one core, from warm
//! memory. Times are those the processor spent on this thread (on Linux; elsewhere by the wall), so
//! that what else the machine does counts little. The last line is the ratio of the two medians;
//! recall is against scoring every stored `f32` vector.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use framecast::task::search::{About, Index, IndexWriter, NewEntry, Wish, instructions};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

const DIMENSION: usize = 256;
const QUERIES: usize = 31;
const TOP: usize = 10;

/// Numbers that are normal enough: sums of four uniform ones.
fn vector(random: &mut impl Rng) -> Vec<f32> {
    let mut normal = || (0..4).map(|_| random.random::<f32>() - 0.5).sum::<f32>();
    (0..DIMENSION).map(|_| normal()).collect()
}

/// Time the processor has spent on this thread.
fn spent() -> Duration {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let nanos = time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned();
        Duration::from_nanos(nanos)
    }
    #[cfg(not(target_os = "linux"))]
    {
        static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed()
    }
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// The sum of all bytes with the widest sums of absolute differences the processor has.
mod sum {
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::*;

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn wide(bytes: &[u8]) -> u64 {
        let zero = _mm512_setzero_si512();
        let mut sums = [zero; 4];
        for group in bytes.as_chunks::<256>().0 {
            for (sum, chunk) in sums.iter_mut().zip(group.as_chunks::<64>().0) {
                #[expect(unsafe_code, reason = "vector loads take pointers")]
                // SAFETY: the pointer is to 64 readable bytes.
                let x = unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) };
                *sum = _mm512_add_epi64(*sum, _mm512_sad_epu8(x, zero));
            }
        }
        sums.into_iter().map(|s| _mm512_reduce_add_epi64(s) as u64).sum()
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn middle(bytes: &[u8]) -> u64 {
        let zero = _mm256_setzero_si256();
        let mut sums = [zero; 4];
        for group in bytes.as_chunks::<128>().0 {
            for (sum, chunk) in sums.iter_mut().zip(group.as_chunks::<32>().0) {
                #[expect(unsafe_code, reason = "vector loads take pointers")]
                // SAFETY: the pointer is to 32 readable bytes.
                let x = unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) };
                *sum = _mm256_add_epi64(*sum, _mm256_sad_epu8(x, zero));
            }
        }
        let mut lanes = [0u64; 4];
        for sum in sums {
            lanes[0] = lanes[0].wrapping_add(_mm256_extract_epi64::<0>(sum) as u64);
            lanes[1] = lanes[1].wrapping_add(_mm256_extract_epi64::<1>(sum) as u64);
            lanes[2] = lanes[2].wrapping_add(_mm256_extract_epi64::<2>(sum) as u64);
            lanes[3] = lanes[3].wrapping_add(_mm256_extract_epi64::<3>(sum) as u64);
        }
        lanes.iter().sum()
    }

    /// A version with its name.
    pub(crate) type Version = (&'static str, fn(&[u8]) -> u64);

    /// The versions this processor runs.
    pub(crate) fn versions() -> Vec<Version> {
        let mut all: Vec<Version> =
            vec![("plain", |bytes| bytes.iter().map(|b| u64::from(*b)).sum())];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
                // SAFETY: the processor was found to have AVX2.
                all.push(("avx2", |bytes| unsafe { middle(bytes) }));
            }
            if std::arch::is_x86_feature_detected!("avx512bw") {
                #[expect(unsafe_code, reason = "a call with more instructions than assumed")]
                // SAFETY: the processor was found to have AVX-512 F and BW.
                all.push(("avx512", |bytes| unsafe { wide(bytes) }));
            }
        }
        all
    }
}

fn build(path: &Path, entries: usize) -> Result<(), Box<dyn std::error::Error>> {
    let about = About { dimension: DIMENSION, ..About::default() };
    let mut writer = IndexWriter::create(path, about)?;
    let mut random = Pcg64Mcg::seed_from_u64(7);
    for i in 0..entries as u64 {
        let time = Duration::from_millis(i);
        writer.push(&vector(&mut random), &NewEntry { seq: i, time, ..NewEntry::default() })?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entries = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.fci");
    let start = Instant::now();
    build(&path, entries)?;
    let rate = entries as f64 / start.elapsed().as_secs_f64();
    println!("{entries} entries of {DIMENSION} numbers, {rate:.0} appended a second");
    let index = Index::open(&path)?;
    let wish = Wish { top: TOP, ..Wish::default() };
    let mut random = Pcg64Mcg::seed_from_u64(8);
    let queries: Vec<Vec<f32>> = (0..QUERIES).map(|_| vector(&mut random)).collect();
    let versions = sum::versions();
    let mut sums: Vec<Vec<Duration>> = vec![Vec::new(); versions.len()];
    let mut searches = Vec::new();
    index.search(&queries[0], &wish)?;
    let mut found = Vec::new();
    for query in &queries {
        for ((_, version), times) in versions.iter().zip(&mut sums) {
            let start = spent();
            black_box(index.codes().map(|codes| version(black_box(codes))).sum::<u64>());
            times.push(spent() - start);
        }
        let start = spent();
        found.push(index.search(black_box(query), &wish)?);
        searches.push(spent() - start);
    }
    let best = versions.iter().zip(&mut sums).map(|((name, _), t)| (median(t), *name));
    let best: Vec<(f64, &str)> = best.collect();
    for (ms, name) in &best {
        println!("sum of the codes, {name:<6}  median {ms:.2} ms");
    }
    let search = median(&mut searches);
    println!("search, {:<11}  median {search:.2} ms", instructions());
    let vectors: Vec<Vec<f32>> =
        (0..index.len()).map(|at| index.vector(at)).collect::<Result<_, _>>()?;
    let mut right = 0;
    for (query, found) in queries.iter().zip(&found).take(10) {
        let score = |v: &[f32]| v.iter().zip(query).map(|(a, b)| a * b).sum::<f32>();
        let mut all: Vec<(f32, usize)> =
            vectors.iter().enumerate().map(|(i, v)| (score(v), i)).collect();
        all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let top: Vec<usize> = all.iter().take(TOP).map(|(_, i)| *i).collect();
        right += found.iter().filter(|hit| top.contains(&hit.at)).count();
    }
    println!("recall@{TOP} against every f32 vector: {:.4}", right as f64 / (10 * TOP) as f64);
    let sum = best.iter().map(|(ms, _)| *ms).fold(f64::INFINITY, f64::min);
    println!("search / best sum: {:.2}", search / sum);
    Ok(())
}
