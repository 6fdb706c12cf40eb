//! Looks at a shared library's header before the system's loader does.
//!
//! The loader maps a truncated file and the program dies by SIGBUS on the first missing page, so
//! the segments are compared with the file's length first. Only 64-bit little-endian ELF, which is
//! all that Linux boards of today use; other systems leave this to their loader.
#![warn(clippy::indexing_slicing)]

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
/// More than any library has.
const MAX_SEGMENTS: u16 = 256;
const PT_LOAD: u32 = 1;

const MACHINE: u16 = match () {
    () if cfg!(target_arch = "x86_64") => 62,
    () if cfg!(target_arch = "aarch64") => 183,
    () if cfg!(target_arch = "riscv64") => 243,
    () => 0,
};

fn machine_name(machine: u16) -> String {
    match machine {
        3 => "32-bit x86".to_owned(),
        40 => "32-bit Arm".to_owned(),
        62 => "x86-64".to_owned(),
        183 => "aarch64".to_owned(),
        243 => "RISC-V".to_owned(),
        n => format!("machine {n}"),
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|b| b.first_chunk()).copied().unwrap_or([0; N])
}

/// Checks that `path` is a whole shared library for this processor.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let read = |e: io::Error| format!("cannot be read: {e}");
    let mut file = File::open(path).map_err(read)?;
    let length = file.metadata().map_err(read)?.len();
    let mut header = [0; HEADER];
    if file.read_exact(&mut header).is_err() {
        return Err(format!("is {length} bytes long, too short for a shared library"));
    }
    if number(&header, 0) != *b"\x7fELF" {
        return Err("is no shared library (no ELF header)".to_owned());
    }
    if number(&header, 4) != [2, 1] {
        return Err("is not a 64-bit little-endian library".to_owned());
    }
    let machine = u16::from_le_bytes(number(&header, 18));
    if MACHINE != 0 && machine != MACHINE {
        let (theirs, ours) = (machine_name(machine), machine_name(MACHINE));
        return Err(format!("is built for {theirs}, this program for {ours}"));
    }
    let table = u64::from_le_bytes(number(&header, 32));
    let count = u16::from_le_bytes(number(&header, 56));
    if count > MAX_SEGMENTS
        || usize::from(u16::from_le_bytes(number(&header, 54))) != PROGRAM_HEADER
    {
        return Err("has a damaged program header table".to_owned());
    }
    file.seek(SeekFrom::Start(table)).map_err(read)?;
    for _ in 0..count {
        let mut segment = [0; PROGRAM_HEADER];
        if file.read_exact(&mut segment).is_err() {
            return Err("is truncated: its program headers are missing".to_owned());
        }
        if u32::from_le_bytes(number(&segment, 0)) != PT_LOAD {
            continue;
        }
        let offset = u64::from_le_bytes(number(&segment, 8));
        let size = u64::from_le_bytes(number(&segment, 32));
        let end = offset.checked_add(size).ok_or("has a damaged segment")?;
        if end > length {
            return Err(format!(
                "is truncated: a segment ends at byte {end} but the file has {length}; copy it again"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn whole_cut_and_foreign_files_are_told_apart() {
        let exe = std::env::current_exe().unwrap();
        assert_eq!(check(&exe), Ok(()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lib.so");
        let mut bytes = std::fs::read(&exe).unwrap();
        bytes.truncate(4096);
        std::fs::write(&path, &bytes).unwrap();
        assert!(check(&path).unwrap_err().contains("truncated"));
        bytes[18] = 40;
        std::fs::write(&path, &bytes).unwrap();
        assert!(check(&path).unwrap_err().contains("32-bit Arm"));
        std::fs::write(&path, b"not a library at all, just text that is long enough to be read...")
            .unwrap();
        assert!(check(&path).unwrap_err().contains("ELF"));
        std::fs::write(&path, b"").unwrap();
        assert!(check(&path).unwrap_err().contains("too short"));
    }
}
