//! Generated parts of pages that are otherwise written by hand.

use std::path::Path;

use crate::TrainError;
use crate::leaderboard::put;

/// The line that ends a generated part.
const END: &str = "<!-- end -->";

/// Puts `text` in place of what stands in `page` between the lines `<!-- NAME -->` and
/// `<!-- end -->`.
///
/// # Errors
/// [`TrainError::Data`] when the page has no such lines, [`TrainError::Io`] when it cannot be read
/// or written; it is replaced at once or not at all.
pub fn insert(page: &Path, name: &str, text: &str) -> Result<(), TrainError> {
    let old = std::fs::read_to_string(page).map_err(TrainError::io("read", page))?;
    let begin = format!("<!-- {name} -->\n");
    let parts = old.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        return Err(TrainError::Data {
            uri: page.display().to_string(),
            reason: format!("it has no lines {:?} and, after it, {END:?}", begin.trim_end()),
        });
    };
    put(page, &format!("{before}{begin}{}\n{END}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_between_the_lines_is_replaced() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "# A\n<!-- one -->\nold\n<!-- end -->\n<!-- two -->\n<!-- end -->\n",
        )
        .unwrap();
        insert(file.path(), "two", "| b |\n").unwrap();
        insert(file.path(), "one", "| a |\n").unwrap();
        insert(file.path(), "one", "| c |\n").unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(
            text,
            "# A\n<!-- one -->\n| c |\n<!-- end -->\n<!-- two -->\n| b |\n<!-- end -->\n"
        );
        let error = insert(file.path(), "three", "x").unwrap_err().to_string();
        assert!(error.contains("<!-- three -->"), "{error}");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), text);
    }
}
