//! Whether kernels use more instructions than every processor of the architecture has.
//!
//! All versions of a kernel give the same bits; the environment variable `FRAMECAST_SIMD=off`, read
//! once, chooses the plain ones, so that this can be shown on any machine.

use std::sync::LazyLock;

/// The variable that switches the wide versions off.
pub const VARIABLE: &str = "FRAMECAST_SIMD";

#[cfg(target_arch = "x86_64")]
static AVX2: LazyLock<bool> =
    LazyLock::new(|| !off() && std::arch::is_x86_feature_detected!("avx2"));

#[cfg(target_arch = "x86_64")]
static AVX512_VNNI: LazyLock<bool> = LazyLock::new(|| {
    !off()
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vnni")
});

static OFF: LazyLock<bool> = LazyLock::new(|| {
    let value = std::env::var_os(VARIABLE).unwrap_or_default();
    let off = value == "off";
    if !off && !value.is_empty() && value != "on" {
        tracing::warn!("{VARIABLE} is {value:?} and changes nothing; on and off are known");
    }
    off
});

fn off() -> bool {
    *OFF
}

/// True when kernels compiled for AVX2 may run.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn avx2() -> bool {
    *AVX2
}

/// True when kernels compiled for AVX-512 with its 8-bit products (VNNI) may run.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn avx512_vnni() -> bool {
    *AVX512_VNNI
}

/// The instruction set in use by pixel kernels: `avx2`, or `base` for what every processor of the architecture has.
#[must_use]
pub fn in_use() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if avx2() {
        return "avx2";
    }
    "base"
}

/// The extensions of this processor that libraries choose their arithmetic by, whatever
/// [`VARIABLE`] says: `avx2+fma`, or `base`.
#[must_use]
pub fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512bw", std::arch::is_x86_feature_detected!("avx512bw")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let found: [(&str, bool); 0] = [];
    let names: Vec<&str> = found.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
    if names.is_empty() { "base".to_owned() } else { names.join("+") }
}

/// True when [`VARIABLE`] switched the wide versions off.
#[must_use]
pub fn switched_off() -> bool {
    off()
}
