//! Bands on several threads.

use std::sync::Mutex;
use std::thread;

use super::arithmetic::{self, DefaultMode};
use super::error::CodecError;

/// Runs `work` on each of `jobs`, on up to `threads` threads including this one. Which thread takes
/// which job is not fixed, so a job's result may depend on the job alone. Each has the default mode
/// of arithmetic.
///
/// # Errors
/// [`CodecError::Arithmetic`] when this thread cannot compute as streams assume; nothing is done.
pub(super) fn run<T: Send>(
    threads: usize,
    jobs: Vec<T>,
    work: impl Fn(T) + Sync,
) -> Result<(), CodecError> {
    let _mode = DefaultMode::set();
    arithmetic::check()?;
    let others = threads.min(jobs.len()).saturating_sub(1);
    if others == 0 {
        jobs.into_iter().for_each(work);
        return Ok(());
    }
    let jobs = Mutex::new(jobs.into_iter());
    let take = || jobs.lock().ok().and_then(|mut jobs| jobs.next());
    let turn = || {
        while let Some(job) = take() {
            work(job);
        }
    };
    thread::scope(|scope| {
        for _ in 0..others {
            // A thread that cannot start, or not compute as it must, leaves its jobs to the others.
            let _ = thread::Builder::new().name("codec".into()).spawn_scoped(scope, || {
                let _mode = DefaultMode::set();
                if arithmetic::check().is_ok() {
                    turn();
                }
            });
        }
        turn();
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_on_any_number_of_threads() {
        for threads in [1, 2, 4, 9] {
            let mut done = vec![0; 7];
            run(threads, done.iter_mut().collect(), |job| *job += 1).unwrap();
            assert_eq!(done, [1; 7], "{threads} threads");
        }
    }
}
