//! Sees to it that this thread computes as the bitstream assumes.

use std::hint::black_box;

use super::error::CodecError;

/// Version of the exact arithmetic that slices are coded with.
pub(super) const VERSION: u8 = 2;

/// The default mode of this thread's floating-point arithmetic, until it is dropped: an inference
/// library may have chosen another one for its own purposes, which is then put back.
#[derive(Debug)]
pub(super) struct DefaultMode {
    before: Option<mode::Word>,
}

impl DefaultMode {
    pub(super) fn set() -> Self {
        let before = mode::read();
        let changed = before & mode::CONTROL != mode::DEFAULT;
        if changed {
            mode::write(mode::DEFAULT);
        }
        Self { before: changed.then_some(before) }
    }
}

impl Drop for DefaultMode {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            mode::write(before);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the mode is in a register that only instructions reach")]
mod mode {
    pub(super) type Word = u32;
    /// All exceptions masked, to nearest, tiny numbers kept.
    pub(super) const DEFAULT: Word = 0x1f80;
    /// What is no record of past exceptions.
    pub(super) const CONTROL: Word = 0xffc0;

    pub(super) fn read() -> Word {
        let mut word = 0;
        // SAFETY: writes this thread's MXCSR, which every x86-64 processor has, to a local.
        unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack)) };
        word
    }

    pub(super) fn write(word: Word) {
        // SAFETY: the word is the default one or one that was read, so no reserved bit is set.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack)) };
    }
}

#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "the mode is in a register that only instructions reach")]
mod mode {
    pub(super) type Word = u64;
    /// To nearest, tiny numbers kept, no traps.
    pub(super) const DEFAULT: Word = 0;
    pub(super) const CONTROL: Word = Word::MAX;

    pub(super) fn read() -> Word {
        let word;
        // SAFETY: reads this thread's FPCR, which every aarch64 processor has.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) word, options(nostack)) };
        word
    }

    pub(super) fn write(word: Word) {
        // SAFETY: the word is the default one or one that was read.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) word, options(nostack)) };
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod mode {
    pub(super) type Word = u32;
    pub(super) const DEFAULT: Word = 0;
    pub(super) const CONTROL: Word = 0;

    /// What the mode is shows in [`super::check`] alone.
    pub(super) const fn read() -> Word {
        0
    }

    pub(super) const fn write(_word: Word) {}
}

/// Checks that floating-point numbers are rounded to nearest, ties to even, and that tiny ones are
/// kept. An inference library may change either for its threads, and a new thread inherits it.
///
/// # Errors
/// [`CodecError::Arithmetic`] otherwise.
pub(super) fn check() -> Result<(), CodecError> {
    let bad = |what| Err(CodecError::Arithmetic { what });
    // Just above and just below half a unit in the last place, and ties to either side.
    let half = f32::EPSILON / 2.0;
    let up = black_box(1.0f32) + black_box(half * 1.5);
    let down = black_box(-1.0f32) - black_box(half * 1.5);
    let tie = black_box(1.0f32) + black_box(half);
    let odd = black_box(1.0f32 + f32::EPSILON) + black_box(half);
    if up != 1.0 + f32::EPSILON
        || down != -1.0 - f32::EPSILON
        || tie != 1.0
        || odd != 1.0 + 2.0 * f32::EPSILON
    {
        return bad("rounding is not to nearest");
    }
    if black_box(f32::MIN_POSITIVE) * black_box(0.5) == 0.0
        || black_box(f64::MIN_POSITIVE) * black_box(0.5) == 0.0
    {
        return bad("tiny results are flushed to zero");
    }
    if black_box(f32::from_bits(1)) * black_box(f32::MAX) == 0.0 {
        return bad("tiny operands are taken as zero");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_thread_is_in_default_mode() {
        std::thread::spawn(|| check().unwrap()).join().unwrap();
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn other_modes_are_found_and_set_aside() {
        // Flush to zero, denormals are zero, the other roundings: bits 15, 6, 13 and 14.
        for bits in [1u32 << 15, 1 << 6, 1 << 13, 1 << 14, 3 << 13] {
            std::thread::spawn(move || {
                let usual = mode::read();
                mode::write(usual | bits);
                let found = check().is_err();
                let set = DefaultMode::set();
                let fine = check();
                drop(set);
                let back = mode::read() & mode::CONTROL;
                mode::write(usual);
                fine.unwrap();
                assert!(found && back == (usual | bits) & mode::CONTROL, "{bits:#x}");
            })
            .join()
            .unwrap();
        }
    }
}
