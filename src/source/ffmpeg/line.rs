//! One line of what ffmpeg says, told apart by its level.
//!
//! With `-loglevel level+...` a line is `[h264 @ 0x55d0] [error] error while decoding MB 3 4`: the
//! parts that speak with their addresses, the level, the words.
#![warn(clippy::indexing_slicing)]

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Something could not be decoded, or all is lost.
    Error,
    /// A complaint.
    Warning,
    /// A description.
    Info,
    /// The line does not say.
    Unknown,
}

/// The level of a line, and its words without the level and the addresses.
pub(super) fn parse(line: &str) -> (Level, String) {
    let mut speakers = String::new();
    let mut rest = line;
    while let Some((tag, words)) = rest.strip_prefix('[').and_then(|r| r.split_once("] ")) {
        let level = match tag {
            "error" | "fatal" | "panic" => Level::Error,
            "warning" => Level::Warning,
            "info" | "verbose" | "debug" | "trace" => Level::Info,
            // The address of an object in the process tells nobody anything.
            _ => {
                let name = tag.split_once(" @ ").map_or(tag, |(name, _)| name);
                speakers.extend(["[", name, "] "]);
                rest = words;
                continue;
            }
        };
        return (level, speakers + words);
    }
    (Level::Unknown, line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_level_and_words() {
        for (line, level, words) in [
            ("[error] Invalid data", Level::Error, "Invalid data"),
            ("[h264 @ 0x5e] [error] bad MB 3 4", Level::Error, "[h264] bad MB 3 4"),
            ("[a @ 0x1] [b @ 0x2] [fatal] x", Level::Error, "[a] [b] x"),
            ("[warning] a.mp4: corrupt frame", Level::Warning, "a.mp4: corrupt frame"),
            ("[info]   Stream #0:0: Video: x", Level::Info, "  Stream #0:0: Video: x"),
            ("[h264 @ 0x5e] no level", Level::Unknown, "[h264 @ 0x5e] no level"),
            ("plain [error] words", Level::Unknown, "plain [error] words"),
            ("[", Level::Unknown, "["),
            ("", Level::Unknown, ""),
        ] {
            assert_eq!(parse(line), (level, words.to_owned()), "{line}");
        }
    }
}
