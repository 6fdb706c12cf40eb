//! What ffmpeg prints: its times, its packets, its complaints.

use super::StreamSize;

/// User and system time of a run with `-benchmark`, in seconds.
pub(super) fn cpu_seconds(said: &str) -> Option<f64> {
    let line = said.lines().rev().find_map(|line| line.split_once("bench: utime="))?.1;
    let (user, rest) = line.split_once("s stime=")?;
    let (system, _) = rest.split_once('s')?;
    let total = user.parse::<f64>().ok()? + system.parse::<f64>().ok()?;
    (total.is_finite() && total >= 0.0).then_some(total)
}

/// The packets of the first stream of what the `framecrc` format lists.
pub(super) fn stream_size(listed: &str) -> Result<StreamSize, String> {
    let mut size = StreamSize::default();
    for line in listed.lines() {
        let fields = line.split(',').map(str::trim);
        if let Some(header) = line.strip_prefix("#extradata 0:") {
            let bytes = header.split(',').next().unwrap_or_default().trim();
            size.header = bytes.parse().map_err(|_| format!("cannot read the line {line:?}"))?;
        } else if !line.starts_with('#') && !line.trim().is_empty() {
            // Stream, two times, duration, size, checksum.
            let bytes = fields.clone().nth(4).and_then(|b| b.parse().ok());
            size.packets.push(bytes.ok_or_else(|| format!("cannot read the line {line:?}"))?);
        }
    }
    Ok(size)
}

/// The first things it complained of, in one line.
pub(super) fn complaint(said: &str) -> String {
    let bad = |line: &&str| line.contains("[error]") || line.contains("[fatal]");
    let mut lines: Vec<&str> = said.lines().filter(bad).take(4).collect();
    if lines.is_empty() {
        lines = said.lines().rev().filter(|line| !line.trim().is_empty()).take(1).collect();
    }
    if lines.is_empty() { "it said nothing".to_owned() } else { lines.join(" / ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_last_line() {
        let said = "[info] frame= 60\n[info] bench: utime=0.086s stime=0.004s rtime=0.197s\n\
                    [info] bench: maxrss=67320kB\n";
        assert!((cpu_seconds(said).unwrap() - 0.09).abs() < 1e-12);
        for bad in ["", "bench: maxrss=1kB", "bench: utime=xs stime=1s", "bench: utime=1s"] {
            assert_eq!(cpu_seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn packets_are_listed_with_their_sizes() {
        let listed = "#extradata 0:      190, 0x83995fc6\n#software: Lavf59.27.100\n\
                      #tb 0: 1/51200\n0,          0,          0,     4096,    24944, 0xa45d98b8\n\
                      0,       4096,       4096,     4096,    22850, 0xd2e898a7, F=0x0\n";
        let size = stream_size(listed).unwrap();
        assert_eq!((size.header, size.packets), (190, vec![24944, 22850]));
        assert_eq!(stream_size("").unwrap(), StreamSize::default());
        for bad in ["0, 1, 2", "0, 0, 0, 4096, many, 0x0", "#extradata 0: x, 0x0"] {
            assert!(stream_size(bad).unwrap_err().contains("cannot read"), "{bad}");
        }
    }

    #[test]
    fn complaints_come_before_the_rest() {
        assert_eq!(complaint("[info] a\n[error] b\n[fatal] c\n[info] d"), "[error] b / [fatal] c");
        assert_eq!(complaint("first\nlast\n\n"), "last");
        assert_eq!(complaint(""), "it said nothing");
    }
}
