//! The index from the back of a file that can be sought.

use std::io::{Read, Seek, SeekFrom};

use super::end::{EndRecord, TAIL_LEN};
use super::header::StreamHeader;

/// The end record of `file`, if it has a whole one of the stream `header` begins; the position is as
/// before.
///
/// # Errors
/// That of the system.
pub fn read_end(
    file: &mut (impl Read + Seek),
    header: &StreamHeader,
) -> std::io::Result<Option<EndRecord>> {
    let position = file.stream_position()?;
    let found = from_back(file, header.seal());
    file.seek(SeekFrom::Start(position))?;
    found
}

fn from_back(file: &mut (impl Read + Seek), seal: u32) -> std::io::Result<Option<EndRecord>> {
    let len = file.seek(SeekFrom::End(0))?;
    let Some(tail_at) = len.checked_sub(TAIL_LEN as u64) else { return Ok(None) };
    let mut tail = [0; TAIL_LEN];
    file.seek(SeekFrom::Start(tail_at))?;
    file.read_exact(&mut tail)?;
    let Some(length) = EndRecord::length_from_tail(&tail) else { return Ok(None) };
    let Some(start) = len.checked_sub(length as u64) else { return Ok(None) };
    file.seek(SeekFrom::Start(start))?;
    let mut record = vec![0; length];
    file.read_exact(&mut record)?;
    Ok(EndRecord::parse(&record, seal).ok().map(|(end, _)| end))
}
