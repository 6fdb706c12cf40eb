//! Durations as percentiles, never as a mean alone.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Below this many samples the 99.9th percentile rests on fewer than ten of them.
pub const SAMPLES_FOR_P999: u64 = 10_000;

/// The largest duration told apart: one hour, in microseconds.
const LARGEST: u64 = 3_600_000_000;

/// A histogram of durations: 1 µs to 1 h, three significant digits, allocated once.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Option<Histogram<u64>>,
    /// Exact, where the histogram rounds to its three digits.
    max: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        // The bounds are constants that the library accepts.
        Self { histogram: Histogram::new_with_bounds(1, LARGEST, 3).ok(), max: Duration::ZERO }
    }
}

/// Percentiles in milliseconds; all are null without a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile; see `p999_few_samples`.
    pub p999: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Number of samples.
    pub samples: u64,
    /// True when there are too few samples for `p999` to be trusted.
    pub p999_few_samples: bool,
}

impl Latency {
    /// Adds a sample.
    pub fn record(&mut self, sample: Duration) {
        if let Some(histogram) = &mut self.histogram {
            let micros = u64::try_from(sample.as_micros()).unwrap_or(LARGEST);
            histogram.saturating_record(micros.max(1));
        }
        self.max = self.max.max(sample);
    }

    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.histogram.as_ref().map_or(0, Histogram::len)
    }

    /// The duration below which the share `quantile` (0..=1) of the samples lies.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let histogram = self.histogram.as_ref().filter(|h| !h.is_empty())?;
        Some(Duration::from_micros(histogram.value_at_quantile(quantile)).min(self.max))
    }

    /// The percentiles of a report.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        let ms = |d: Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
        let at = |q: f64| self.quantile(q).map(ms);
        let samples = self.samples();
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: (samples > 0).then(|| ms(self.max)),
            samples,
            p999_few_samples: samples < SAMPLES_FOR_P999,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_known_samples() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentiles().p50, None);
        for ms in 1..=1000 {
            latency.record(Duration::from_millis(ms));
        }
        let p = latency.percentiles();
        let near = |value: Option<f64>, wanted: f64| (value.unwrap() / wanted - 1.0).abs() < 2e-3;
        assert!(near(p.p50, 500.0) && near(p.p90, 900.0) && near(p.p99, 990.0), "{p:?}");
        assert!(near(p.p999, 999.0), "{p:?}");
        assert_eq!((p.max, p.samples, p.p999_few_samples), (Some(1000.0), 1000, true));
    }

    #[test]
    fn extremes_do_not_panic() {
        let mut latency = Latency::default();
        latency.record(Duration::ZERO);
        latency.record(Duration::MAX);
        assert_eq!(latency.samples(), 2);
        assert!(latency.percentiles().p50.unwrap() <= 0.001);
    }

    #[test]
    fn the_mark_goes_with_enough_samples() {
        let mut latency = Latency::default();
        for _ in 0..SAMPLES_FOR_P999 {
            latency.record(Duration::from_micros(50));
        }
        assert!(!latency.percentiles().p999_few_samples);
    }
}
