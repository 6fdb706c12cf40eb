//! The formats, sizes and rates a device offers.
//!
//! Drivers are not trusted to end their lists: each has a limit.

use crate::frame::{PixelFormat, Rational, Size};

use super::abi::{self, Fract};
use super::device::Device;
use super::{format, ioctl};

const MAX_FORMATS: u32 = 256;
const MAX_SIZES: u32 = 256;
const MAX_RATES: u32 = 128;

/// One pixel format of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    /// The four-character code, for example `YUYV`.
    pub code: String,
    /// The driver's name of it.
    pub description: String,
    /// Our name of it, when we read it.
    pub format: Option<PixelFormat>,
    /// The sizes it comes in.
    pub sizes: Sizes,
    pub(super) fourcc: u32,
}

/// The sizes of a format.
#[derive(Clone, Debug, PartialEq)]
pub enum Sizes {
    /// A list, each with its rates.
    List(Vec<(Size, Rates)>),
    /// Any size of a raster, with the rates at the largest.
    Range {
        /// Smallest.
        min: Size,
        /// Largest.
        max: Size,
        /// Step of width and height.
        step: Size,
        /// Rates at the largest size.
        rates: Rates,
    },
    /// The driver does not tell; setting a size finds the nearest.
    Unknown,
}

/// The rates of a format at one size, in frames a second.
#[derive(Clone, Debug, PartialEq)]
pub enum Rates {
    /// A list.
    List(Vec<Rational>),
    /// Any rate between two.
    Range {
        /// Slowest.
        min: Rational,
        /// Fastest.
        max: Rational,
    },
    /// The driver does not tell.
    Unknown,
}

impl Rates {
    /// The fastest, when known.
    #[must_use]
    pub fn fastest(&self) -> Option<f64> {
        match self {
            Self::List(rates) => rates.iter().map(|r| r.as_f64()).reduce(f64::max),
            Self::Range { max, .. } => Some(max.as_f64()),
            Self::Unknown => None,
        }
    }
}

impl Sizes {
    /// Whether `size` is offered, and its rates; unknown sizes may be.
    #[must_use]
    pub fn rates_at(&self, size: Size) -> Option<&Rates> {
        match self {
            Self::List(list) => list.iter().find(|(s, _)| *s == size).map(|(_, rates)| rates),
            Self::Range { min, max, step, rates } => {
                let fits = |v: u32, min: u32, max: u32, step: u32| {
                    (min..=max).contains(&v) && (v - min).is_multiple_of(step.max(1))
                };
                (fits(size.width, min.width, max.width, step.width)
                    && fits(size.height, min.height, max.height, step.height))
                .then_some(rates)
            }
            Self::Unknown => Some(&Rates::Unknown),
        }
    }
}

/// Every format of the device, in the driver's order.
pub(super) fn modes(device: &Device, kind: u32) -> Vec<Mode> {
    let mut modes = Vec::new();
    for index in 0..MAX_FORMATS {
        let mut desc = abi::FmtDesc { index, kind, ..abi::FmtDesc::default() };
        if ioctl::enum_format(device.fd(), &mut desc).is_err() {
            break;
        }
        modes.push(Mode {
            code: abi::code_text(desc.pixel_format),
            description: abi::text(&desc.description),
            format: format::known(desc.pixel_format),
            sizes: sizes(device, desc.pixel_format),
            fourcc: desc.pixel_format,
        });
    }
    modes
}

fn sizes(device: &Device, fourcc: u32) -> Sizes {
    let mut list = Vec::new();
    for index in 0..MAX_SIZES {
        let mut entry =
            abi::FrameSizes { index, pixel_format: fourcc, ..abi::FrameSizes::default() };
        if ioctl::enum_sizes(device.fd(), &mut entry).is_err() {
            break;
        }
        let [a, b, c, d, e, f] = entry.size;
        if entry.kind == abi::SIZE_DISCRETE {
            let Ok(size) = Size::new(a, b).checked() else { continue };
            list.push((size, rates(device, fourcc, size)));
            continue;
        }
        // Continuous is stepwise with step 1.
        let (min, max) = (Size::new(a, d), Size::new(b, e));
        let step = Size::new(c.max(1), f.max(1));
        if min.width > max.width || min.height > max.height || min.checked().is_err() {
            return Sizes::Unknown;
        }
        return Sizes::Range { min, max, step, rates: rates(device, fourcc, max) };
    }
    if list.is_empty() { Sizes::Unknown } else { Sizes::List(list) }
}

fn rates(device: &Device, fourcc: u32, size: Size) -> Rates {
    let mut list = Vec::new();
    for index in 0..MAX_RATES {
        let mut entry = abi::FrameIntervals {
            index,
            pixel_format: fourcc,
            width: size.width,
            height: size.height,
            ..abi::FrameIntervals::default()
        };
        if ioctl::enum_intervals(device.fd(), &mut entry).is_err() {
            break;
        }
        let [first, last, _] = entry.interval;
        if entry.kind != abi::INTERVAL_DISCRETE {
            // The shortest interval is the fastest rate.
            return match (rate(last), rate(first)) {
                (Some(min), Some(max)) => Rates::Range { min, max },
                _ => Rates::Unknown,
            };
        }
        list.extend(rate(first));
    }
    if list.is_empty() { Rates::Unknown } else { Rates::List(list) }
}

/// The rate of an interval; none when the driver gives zeros.
pub(super) fn rate(interval: Fract) -> Option<Rational> {
    Rational::new(interval.denominator, interval.numerator).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raster_holds_its_steps_only() {
        let sizes = Sizes::Range {
            min: Size::new(16, 16),
            max: Size::new(1920, 1080),
            step: Size::new(8, 2),
            rates: Rates::Unknown,
        };
        assert!(sizes.rates_at(Size::new(640, 360)).is_some());
        assert!(sizes.rates_at(Size::new(1920, 1080)).is_some());
        assert!(sizes.rates_at(Size::new(641, 360)).is_none());
        assert!(sizes.rates_at(Size::new(8, 16)).is_none());
    }

    #[test]
    fn fastest_of_a_list_is_not_its_order() {
        let rates =
            Rates::List(vec![Rational::whole(15), Rational::whole(60), Rational::whole(30)]);
        assert_eq!(rates.fastest(), Some(60.0));
        assert_eq!(Rates::Unknown.fastest(), None);
    }
}
