//! Tables as comma-separated values (RFC 4180): quoted fields may hold commas, quotes and lines.
#![warn(clippy::indexing_slicing)]

use std::io::{BufRead, Read};

/// The most bytes of one record.
const LONGEST: usize = 16 << 20;

/// Reads records one by one, so that a table may be larger than memory.
#[derive(Debug)]
pub struct CsvReader<R> {
    source: R,
    line: u64,
    bytes: Vec<u8>,
}

/// What is wrong with a table, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct CsvError {
    /// The line the record begins in, from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

impl<R: BufRead> CsvReader<R> {
    /// Reads from `source`.
    pub const fn new(source: R) -> Self {
        Self { source, line: 0, bytes: Vec::new() }
    }

    /// The number of lines read.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// The fields of the next record into `fields`; false at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// [`CsvError`] for text that is not UTF-8, an open quote, or a record above 16 MiB.
    pub fn read(&mut self, fields: &mut Vec<String>) -> Result<bool, CsvError> {
        loop {
            fields.clear();
            self.bytes.clear();
            let begin = self.line + 1;
            let wrong = |reason: String| CsvError { line: begin, reason };
            // A line at a time until no quote is open.
            loop {
                let room = (LONGEST + 1).saturating_sub(self.bytes.len()) as u64;
                let got = (&mut self.source)
                    .take(room)
                    .read_until(b'\n', &mut self.bytes)
                    .map_err(|e| wrong(e.to_string()))?;
                self.line += u64::from(got > 0);
                if self.bytes.len() > LONGEST {
                    return Err(wrong(format!("a record has more than {LONGEST} bytes")));
                }
                let open = self.bytes.iter().filter(|b| **b == b'"').count() % 2 == 1;
                if got == 0 && open {
                    return Err(wrong("a quote is never closed".to_owned()));
                }
                if got == 0 || !open {
                    break;
                }
            }
            if self.bytes.is_empty() {
                return Ok(false);
            }
            let text = std::str::from_utf8(&self.bytes).map_err(|e| wrong(e.to_string()))?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let text = text.strip_suffix('\n').unwrap_or(text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            if !text.is_empty() {
                split(text, fields);
                return Ok(true);
            }
        }
    }
}

fn split(text: &str, fields: &mut Vec<String>) {
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Result<Vec<Vec<String>>, CsvError> {
        let mut reader = CsvReader::new(text);
        let (mut rows, mut fields) = (Vec::new(), Vec::new());
        while reader.read(&mut fields)? {
            rows.push(fields.clone());
        }
        Ok(rows)
    }

    #[test]
    fn quotes_commas_and_lines() {
        let rows = all("\u{feff}a,b\r\n\n1,\"x, \"\"y\"\"\nz\"\n,\n2,5\" wide".as_bytes());
        // A quote within a plain field is counted as one that opens.
        assert!(rows.unwrap_err().reason.contains("never closed"));
        let rows = all("\u{feff}a,b\r\n\n1,\"x, \"\"y\"\"\nz\"\n,\n".as_bytes()).unwrap();
        assert_eq!(rows, [vec!["a", "b"], vec!["1", "x, \"y\"\nz"], vec!["", ""]]);
        assert_eq!(all(b"").unwrap(), Vec::<Vec<String>>::new());
        assert_eq!(all(b"one").unwrap(), [["one"]]);
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let error = all(b"a,b\n1,\xff\n").unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.reason.contains("utf-8"), "{error}");
        assert!(all(b"a\n\"open\n\n").unwrap_err().to_string().starts_with("line 2:"));
        let long = vec![b'x'; LONGEST + 5];
        assert!(all(&long).unwrap_err().reason.contains("more than"));
    }
}
