//! The grammar of source URIs: scheme first, then what the path is on disk.
#![warn(clippy::indexing_slicing)]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::SourceError;

/// What a URI names, by its text alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// `demo:` with its query.
    Demo(String),
    /// `v4l2:PATH`, or a bare `/dev/video0`.
    V4l2(PathBuf),
    /// `nokhwa:N`.
    Nokhwa(String),
    /// `-`: Y4M on stdin.
    Stdin,
    /// `rtsp://...`.
    Network(String),
    /// A file or folder.
    Path(PathBuf),
}

/// What a file or folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// YUV4MPEG2.
    Y4m,
    /// An animation.
    Gif,
    /// One PNG or JPEG picture.
    Picture,
    /// A folder of PNG or JPEG pictures.
    Folder,
    /// A tar archive of pictures, perhaps gzipped.
    Tar,
    /// A coded recording of ours.
    Coded,
    /// Samples without a header.
    Raw,
    /// Anything else: left to ffmpeg.
    Other,
}

impl Location {
    /// Reads the text of a URI; touches no file.
    ///
    /// # Errors
    /// [`SourceError::Uri`] with what to write instead.
    pub fn parse(uri: &str) -> Result<Self, SourceError> {
        let bad = |reason: &str| SourceError::Uri { uri: redact(uri), reason: reason.to_owned() };
        if uri.is_empty() {
            return Err(bad("it is empty; try demo:, v4l2:/dev/video0 or a file"));
        }
        if uri.contains('\0') {
            return Err(bad("it holds a zero byte"));
        }
        if uri == "-" {
            return Ok(Self::Stdin);
        }
        let Some((scheme, rest)) = scheme(uri) else {
            let camera = uri
                .strip_prefix("/dev/")
                .is_some_and(|d| d.starts_with("video") || d.starts_with("v4l/"));
            let path = PathBuf::from(uri);
            return Ok(if camera { Self::V4l2(path) } else { Self::Path(path) });
        };
        match scheme.to_ascii_lowercase().as_str() {
            "demo" => Ok(Self::Demo(rest.to_owned())),
            "v4l2" if rest.is_empty() => Err(bad("name the device, for example v4l2:/dev/video0")),
            "v4l2" => Ok(Self::V4l2(PathBuf::from(rest))),
            "nokhwa" => Ok(Self::Nokhwa(rest.to_owned())),
            "file" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return Err(bad("name the file, for example file:clip.y4m"));
                }
                Ok(Self::Path(PathBuf::from(path)))
            }
            "rtsp" | "rtsps" if rest.len() > 2 && rest.starts_with("//") => {
                Ok(Self::Network(uri.to_owned()))
            }
            "rtsp" | "rtsps" => Err(bad("name the host, for example rtsp://camera.local/stream")),
            "csi" => Err(bad(
                "CSI cameras are not part of this version; where the board offers the camera as a V4L2 device, use v4l2:/dev/videoN",
            )),
            "replay" if rest.is_empty() => Err(bad("name the recording, for example replay:a.fcv")),
            "replay" if rest.to_ascii_lowercase().ends_with(".mcap") => {
                Err(bad("replaying MCAP recordings is not part of this version"))
            }
            "replay" => Ok(Self::Path(PathBuf::from(rest))),
            // A file may have a colon in its name.
            _ if Path::new(uri).exists() => Ok(Self::Path(PathBuf::from(uri))),
            _ => Err(bad(
                "the scheme is unknown and no such file exists; known are demo:, v4l2:PATH, nokhwa:N, rtsp://, replay:FILE.fcv, files, folders and - for Y4M on stdin",
            )),
        }
    }
}

/// The scheme and the rest, when the text has one (two letters at least, so that `C:\` has none).
fn scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let mut letters = scheme.chars();
    let first = letters.next()?.is_ascii_alphabetic();
    let others = letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    (first && others && scheme.len() > 1).then_some((scheme, rest))
}

/// Schemes whose rest is no address of a host.
const LOCAL: &[&str] = &["demo", "v4l2", "nokhwa", "file", "csi", "replay"];

/// An address taken apart; put together again it is the whole text.
struct Address<'a> {
    /// Scheme, colon and slashes.
    start: &'a str,
    /// User and password with the `@`, or nothing.
    userinfo: &'a str,
    host: &'a str,
    /// Path and query.
    tail: &'a str,
}

impl<'a> Address<'a> {
    /// Takes `uri` apart unless it names something on this machine. The slashes may be missing:
    /// a mistyped address has a password too.
    fn of(uri: &'a str) -> Option<Self> {
        let (scheme, rest) = scheme(uri).or_else(|| uri.split_once("://"))?;
        if LOCAL.iter().any(|local| scheme.eq_ignore_ascii_case(local)) {
            return None;
        }
        let rest = rest.trim_start_matches('/');
        let start = uri.strip_suffix(rest)?;
        let host_end = |text: &str| text.find(['/', '?', '#']).unwrap_or(text.len());
        let (authority, tail) = rest.split_at_checked(host_end(rest))?;
        // A password may hold a slash typed without escaping, so the last @ counts, wherever it
        // is, unless it stands in the path after a plain host.
        let in_path = authority.contains(':')
            && port(authority).is_none()
            && tail.split_once('@').is_some_and(|(before, _)| !before.contains('?'));
        let at = match authority.rfind('@') {
            Some(at) => Some(at),
            None if in_path => rest.find('@'),
            None => None,
        };
        let (userinfo, rest) = rest.split_at_checked(at.map_or(0, |at| at + 1))?;
        let (host, tail) = rest.split_at_checked(host_end(rest))?;
        Some(Self { start, userinfo, host, tail })
    }
}

/// User and password of an address with the `@` behind them; empty when it has none.
#[must_use]
pub fn userinfo(uri: &str) -> &str {
    Address::of(uri).map_or("", |address| address.userinfo)
}

/// The URI as it may be printed: without user, password, or query values that look secret.
#[must_use]
pub fn redact(uri: &str) -> String {
    let Some(Address { start, host, tail, .. }) = Address::of(uri) else { return uri.to_owned() };
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (tail, None),
    };
    let mut out = format!("{start}{host}{path}");
    for (i, pair) in query.into_iter().flat_map(|q| q.split('&')).enumerate() {
        out.push(if i == 0 { '?' } else { '&' });
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let lower = key.to_ascii_lowercase();
        let secret = ["user", "usr", "pass", "pwd", "auth", "token", "secret", "key"];
        if !value.is_empty() && secret.iter().any(|s| lower.contains(s)) {
            out.push_str(key);
            out.push_str("=***");
        } else {
            out.push_str(pair);
        }
    }
    out
}

/// A text, such as an error message, with each address in it as [`redact`] prints it.
#[must_use]
pub fn redact_within(text: &str) -> String {
    let word_ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',');
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(word_ends) {
        let end = word.trim_end_matches(word_ends).len();
        let scheme_end = word.find("://").unwrap_or(0);
        let before = word.get(..scheme_end).unwrap_or_default();
        let start = before
            .char_indices()
            .rfind(|(_, c)| !c.is_ascii_alphanumeric())
            .map_or(0, |(i, c)| i + c.len_utf8());
        match (scheme_end, word.get(..start), word.get(start..end), word.get(end..)) {
            (1.., Some(before), Some(address), Some(after)) => {
                out.extend([before, &redact(address), after]);
            }
            _ => out.push_str(word),
        }
    }
    out
}

/// The port of `host:port`.
fn port(authority: &str) -> Option<u16> {
    authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
}

impl FileKind {
    /// The kind of `path`: a folder, then by extension, then by the first bytes. `raw` says that
    /// size and format of raw video were given, which decides for contents nobody knows.
    ///
    /// # Errors
    /// [`SourceError::Open`] when the path cannot be read.
    pub fn of(path: &Path, raw: bool) -> Result<Self, SourceError> {
        let open_error = |cause| SourceError::Open {
            path: path.to_owned(),
            cause,
            hint: "check the path; demo: needs no file".into(),
        };
        let meta = std::fs::metadata(path).map_err(open_error)?;
        if meta.is_dir() {
            return Ok(Self::Folder);
        }
        let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase());
        if let Some(kind) = Self::by_name(&name.unwrap_or_default()) {
            return Ok(kind);
        }
        if !meta.is_file() {
            // A pipe cannot be looked at twice; y4m is what programs write into pipes.
            return Ok(if raw { Self::Raw } else { Self::Y4m });
        }
        let mut start = Vec::with_capacity(512);
        let file = std::fs::File::open(path).map_err(open_error)?;
        file.take(512).read_to_end(&mut start).map_err(open_error)?;
        Ok(Self::by_content(&start).unwrap_or(if raw { Self::Raw } else { Self::Other }))
    }

    /// The kind by the end of a lower-case file name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        if name.ends_with(".tar.gz") {
            return Some(Self::Tar);
        }
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "y4m" => Self::Y4m,
            "gif" => Self::Gif,
            "fcv" => Self::Coded,
            "png" | "jpg" | "jpeg" => Self::Picture,
            "tar" | "tgz" => Self::Tar,
            "yuv" | "raw" | "i420" | "yu12" | "yv12" | "nv12" | "nv21" | "yuyv" | "uyvy"
            | "rgb" | "rgb24" | "bgr" | "bgr24" | "grey" | "gray" | "y8" => Self::Raw,
            "mp4" | "m4v" | "mov" | "mkv" | "webm" | "avi" | "ts" | "mts" | "h264" | "264"
            | "avc" | "h265" | "265" | "hevc" | "mjpeg" | "mjpg" | "mpg" | "mpeg" | "flv"
            | "wmv" | "ogv" | "ivf" | "obu" | "3gp" => Self::Other,
            _ => return None,
        })
    }

    /// The kind by the first bytes of a file (512 suffice).
    #[must_use]
    pub fn by_content(start: &[u8]) -> Option<Self> {
        let at = |offset: usize, magic: &[u8]| {
            start.get(offset..).is_some_and(|rest| rest.starts_with(magic))
        };
        Some(match () {
            () if at(0, super::y4m::MAGIC) => Self::Y4m,
            () if at(0, super::replay::MAGIC) => Self::Coded,
            () if at(0, b"GIF87a") || at(0, b"GIF89a") => Self::Gif,
            () if at(0, b"\x89PNG\r\n\x1a\n") || at(0, b"\xff\xd8\xff") => Self::Picture,
            () if at(257, b"ustar") => Self::Tar,
            () => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_grammar() {
        let parse = |uri: &str| Location::parse(uri).unwrap();
        assert_eq!(parse("demo:"), Location::Demo(String::new()));
        assert_eq!(parse("demo:?seed=3"), Location::Demo("?seed=3".into()));
        assert_eq!(parse("v4l2:/dev/video0"), Location::V4l2("/dev/video0".into()));
        assert_eq!(parse("/dev/v4l/by-id/usb-x"), Location::V4l2("/dev/v4l/by-id/usb-x".into()));
        assert_eq!(parse("nokhwa:0"), Location::Nokhwa("0".into()));
        assert_eq!(parse("-"), Location::Stdin);
        assert_eq!(parse("rtsp://a/b"), Location::Network("rtsp://a/b".into()));
        assert_eq!(parse("replay:a.fcv"), Location::Path("a.fcv".into()));
        assert_eq!(parse("a/b.mp4"), Location::Path("a/b.mp4".into()));
        assert_eq!(parse(r"C:\a.y4m"), Location::Path(r"C:\a.y4m".into()));
        assert_eq!(parse("file:///a b.y4m"), Location::Path("/a b.y4m".into()));
        assert_eq!(parse("2024:01.mp4"), Location::Path("2024:01.mp4".into()));
    }

    #[test]
    fn what_is_not_built_or_wrong_says_so() {
        for (uri, part) in [
            ("", "it is empty"),
            ("csi:0", "CSI cameras are not part of this version"),
            ("replay:a.mcap", "not part of this version"),
            ("replay:", "replay:a.fcv"),
            ("v4l2:", "v4l2:/dev/video0"),
            ("rtsp:camera", "name the host"),
            ("gopher://u:p@h/x", "known are demo:"),
        ] {
            let error = Location::parse(uri).unwrap_err();
            assert!(matches!(error, SourceError::Uri { .. }));
            let text = error.to_string();
            assert!(text.contains(part) && !text.contains("u:p@"), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        for (uri, shown) in [
            ("rtsp://me:pa55@cam:554/s?x=1", "rtsp://cam:554/s?x=1"),
            ("rtsp://me:p@ss@cam/s", "rtsp://cam/s"),
            ("rtsp://me:p/a@cam/s", "rtsp://cam/s"),
            ("rtsp://cam:554/a@b", "rtsp://cam:554/a@b"),
            ("rtsp://cam/s?user=a&pwd=b&ch=2", "rtsp://cam/s?user=***&pwd=***&ch=2"),
            ("demo:?seed=1", "demo:?seed=1"),
            ("rtsp:me:pa55@cam/x", "rtsp:cam/x"),
            ("rtsp:/me:pa55@cam/x", "rtsp:/cam/x"),
            ("rtsp:me:p/a@cam/x", "rtsp:cam/x"),
            ("me:pa55@cam:554/x", "me:cam:554/x"),
            ("v4l2:/dev/a@b", "v4l2:/dev/a@b"),
            ("2024:01@x.mp4", "2024:01@x.mp4"),
        ] {
            assert_eq!(redact(uri), shown);
        }
    }

    #[test]
    fn secrets_inside_a_text_are_not_printed() {
        for (text, shown) in [
            ("no value in \"rtsp://me:pa55@cam/s\"; write", "no value in \"rtsp://cam/s\"; write"),
            ("uri=rtsp://me:p@ss@cam/s", "uri=rtsp://cam/s"),
            ("a é://b@c\n'rtsps://u:p@h' :// x", "a é://c\n'rtsps://h' :// x"),
            ("clip.mp4: 3 frames", "clip.mp4: 3 frames"),
        ] {
            assert_eq!(redact_within(text), shown);
        }
    }

    #[test]
    fn the_user_part_is_what_is_cut_out() {
        assert_eq!(userinfo("rtsp://me:p/a@cam/s"), "me:p/a@");
        assert_eq!(userinfo("rtsp://cam:554/a@b"), "");
        assert_eq!(userinfo("clip.mp4"), "");
    }

    proptest::proptest! {
        #[test]
        fn no_text_brings_a_password_out(before in "[^:]*", after in ".*") {
            let uri = format!("rtsp://user:hunter2@{after}");
            assert!(!redact(&uri).contains("hunter2"), "{uri}");
            assert!(userinfo(&uri).contains("hunter2"), "{uri}");
            let text = format!("{before} {uri}");
            assert!(!redact_within(&text).contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn kinds_by_name_and_content() {
        assert_eq!(FileKind::by_name("a.tar.gz"), Some(FileKind::Tar));
        assert_eq!(FileKind::by_name("a.yuv"), Some(FileKind::Raw));
        assert_eq!(FileKind::by_name("a.264"), Some(FileKind::Other));
        assert_eq!(FileKind::by_name("a.fcv"), Some(FileKind::Coded));
        assert_eq!(FileKind::by_content(b"\x89FCV\r\n\x1a\n\x01"), Some(FileKind::Coded));
        assert_eq!(FileKind::by_name("a.dat"), None);
        assert_eq!(FileKind::by_content(b"YUV4MPEG2 W1"), Some(FileKind::Y4m));
        assert_eq!(FileKind::by_content(b"GIF89a"), Some(FileKind::Gif));
        assert_eq!(FileKind::by_content(&[0xff, 0xd8, 0xff, 0xe0]), Some(FileKind::Picture));
        assert_eq!(FileKind::by_content(b""), None);
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(FileKind::by_content(&tar), Some(FileKind::Tar));
    }
}
