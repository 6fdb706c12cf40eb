//! Time that this thread spent on a processor.

/// Milliseconds of processor time of this thread so far; those of the clock where the system does
/// not tell.
#[cfg(target_os = "linux")]
pub(crate) fn now() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Milliseconds of processor time of this thread so far; those of the clock where the system does
/// not tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn now() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64() * 1e3
}
