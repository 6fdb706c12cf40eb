//! Lists of labels: names, and links to where each is explained.
#![warn(clippy::indexing_slicing)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::ModelError;
use super::csv::CsvReader;

/// The most bytes of a list, unpacked, and the most labels.
const MOST_BYTES: u64 = 256 << 20;
const MOST: usize = 1_000_000;

/// Labels in the order of a model's scores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelList {
    /// Their names; never empty texts.
    pub names: Vec<String>,
    /// Where each is explained, an empty text for nowhere; as many as names.
    pub links: Vec<String>,
}

/// The columns of a table, by its first line.
struct Columns {
    index: usize,
    name: Option<usize>,
    link: Option<usize>,
    /// What stands for a label without a name.
    id: Option<usize>,
    count: usize,
}

impl Columns {
    fn find(header: &[String]) -> Option<Self> {
        let at = |names: &[&str]| {
            header.iter().position(|h| names.iter().any(|n| h.trim().eq_ignore_ascii_case(n)))
        };
        Some(Self {
            index: at(&["index", "label_id"])?,
            name: at(&["name", "label_name", "label"]),
            link: at(&["wikiurl", "link", "url"]),
            id: at(&["knowledgegraphid", "id"]),
            count: header.len(),
        })
    }
}

impl LabelList {
    /// Reads a list: a table with the columns `Index` and `Name` and perhaps `WikiUrl` (the
    /// `vocabulary.csv` of YouTube-8M), one with `label_id` and `label_name` (its
    /// `label_names.csv`), or one name a line. Either may be packed by gzip. A label of a table
    /// without a name is called by its `KnowledgeGraphId`, or else by its number.
    ///
    /// # Errors
    /// [`ModelError::Labels`] for a table whose numbers are not those from 0 on, each once, and for
    /// what is no text; [`ModelError::Limit`] above 256 MiB or 1,000,000 labels.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let cannot = |cause| ModelError::Io { action: "read", path: path.to_owned(), cause };
        let mut file = BufReader::new(File::open(path).map_err(cannot)?);
        let packed = file.fill_buf().map_err(cannot)?.starts_with(&[0x1f, 0x8b]);
        let name = path.display().to_string();
        let (list, left) = if packed {
            let mut source = MultiGzDecoder::new(file).take(MOST_BYTES + 1);
            (Self::parse(&name, BufReader::new(&mut source)), source.limit())
        } else {
            let mut source = file.take(MOST_BYTES + 1);
            (Self::parse(&name, BufReader::new(&mut source)), source.limit())
        };
        if left == 0 {
            return Err(ModelError::Limit {
                model: name,
                what: "the list's size in bytes",
                value: MOST_BYTES + 1,
                limit: MOST_BYTES,
            });
        }
        list
    }

    /// Reads a list that is not packed; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`LabelList::read`].
    pub fn parse(name: &str, source: impl BufRead) -> Result<Self, ModelError> {
        let wrong = |line: u64, reason: String| ModelError::Labels {
            list: name.to_owned(),
            reason: format!("line {line}: {reason}"),
        };
        let mut reader = CsvReader::new(source);
        let mut fields = Vec::new();
        let mut rows: Vec<Option<(String, String)>> = Vec::new();
        let mut columns = None;
        let mut first = true;
        loop {
            let more = reader.read(&mut fields).map_err(|e| wrong(e.line, e.reason))?;
            let line = reader.line();
            if !more {
                break;
            }
            if std::mem::take(&mut first) {
                columns = Columns::find(&fields);
                if columns.is_some() {
                    continue;
                }
            }
            let Some(columns) = &columns else {
                // One name a line; commas belong to it.
                rows.push(Some((fields.join(",").trim().to_owned(), String::new())));
                too_many(name, rows.len())?;
                continue;
            };
            let field =
                |at: Option<usize>| at.and_then(|at| fields.get(at)).map_or("", |f| f.trim());
            let index: usize = field(Some(columns.index)).parse().map_err(|_| {
                wrong(line, format!("{:?} is no number", field(Some(columns.index))))
            })?;
            too_many(name, index.saturating_add(1))?;
            // The public table of two columns does not quote names with commas.
            let joined = (columns.count == 2 && fields.len() > 2 && columns.index == 0)
                .then(|| fields.get(1..).unwrap_or_default().join(","));
            let text = joined.as_deref().map_or_else(|| field(columns.name), str::trim);
            let text = match (text, field(columns.id)) {
                ("", "") => format!("label {index}"),
                ("", id) => id.to_owned(),
                (text, _) => text.to_owned(),
            };
            if rows.len() <= index {
                rows.resize(index + 1, None);
            }
            let Some(slot) = rows.get_mut(index) else { continue };
            if slot.replace((text, field(columns.link).to_owned())).is_some() {
                return Err(wrong(line, format!("label {index} stands there twice")));
            }
        }
        let mut list = Self::default();
        for (index, row) in rows.into_iter().enumerate() {
            let Some((label, link)) = row else {
                return Err(wrong(
                    reader.line(),
                    format!("label {index} is missing; every number from 0 on is needed"),
                ));
            };
            list.names.push(label);
            list.links.push(link);
        }
        if list.names.is_empty() {
            return Err(wrong(reader.line(), "it holds no label".to_owned()));
        }
        Ok(list)
    }

    /// The links as a contract carries them: none at all when every one is empty.
    #[must_use]
    pub fn contract_links(&self) -> Vec<String> {
        if self.links.iter().all(String::is_empty) { Vec::new() } else { self.links.clone() }
    }
}

fn too_many(name: &str, count: usize) -> Result<(), ModelError> {
    if count <= MOST {
        return Ok(());
    }
    Err(ModelError::Limit {
        model: name.to_owned(),
        what: "the number of labels",
        value: count as u64,
        limit: MOST as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<LabelList, String> {
        LabelList::parse("list", text.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn tables_and_plain_lists() {
        let table = "Index,TrainVideoCount,KnowledgeGraphId,Name,WikiUrl\n\
                     1,5,/m/1,\"Dog, small\",https://d\n0,9,/m/0,Cat,\n2,1,/m/2,,\n";
        let list = parse(table).unwrap();
        assert_eq!(list.names, ["Cat", "Dog, small", "/m/2"]);
        assert_eq!(list.links, ["", "https://d", ""]);
        assert_eq!(list.contract_links().len(), 3);
        let list = parse("label_id,label_name\n0,Game\n1,Call of Duty 4, the game\n").unwrap();
        assert_eq!(list.names, ["Game", "Call of Duty 4, the game"]);
        assert!(list.contract_links().is_empty());
        assert_eq!(parse("cat\ndog, small\n").unwrap().names, ["cat", "dog, small"]);
    }

    #[test]
    fn numbers_must_be_complete_and_unique() {
        assert!(parse("Index,Name\n0,a\n2,b\n").unwrap_err().contains("label 1 is missing"));
        assert!(parse("Index,Name\n0,a\n0,b\n").unwrap_err().contains("twice"));
        assert!(parse("Index,Name\n0,a\n-1,b\n").unwrap_err().contains("\"-1\""));
        let huge = parse("Index,Name\n18446744073709551615,a\n").unwrap_err();
        assert!(huge.contains("above the limit"), "{huge}");
        assert!(parse("").unwrap_err().contains("no label"));
        assert!(parse("Index,Name\n").unwrap_err().contains("no label"));
    }

    /// The label vocabulary of the public data, where it is there.
    #[test]
    fn the_public_vocabulary_is_read_whole() {
        let Ok(folder) = std::env::var("FRAMECAST_DATA") else {
            assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "FRAMECAST_DATA is unset");
            println!("skipped: FRAMECAST_DATA is not set");
            return;
        };
        let folder = Path::new(&folder).join("yt8m");
        let full = LabelList::read(&folder.join("vocabulary.csv.gz")).unwrap();
        let names = LabelList::read(&folder.join("label_names_2018.csv")).unwrap();
        assert_eq!((full.names.len(), names.names.len()), (3862, 3862));
        assert_eq!(full.names[2], "Vehicle");
        assert_eq!(full.links[0], "https://en.wikipedia.org/wiki/Game");
        // The two public lists agree but for the names that one of them lacks.
        let differ = full.names.iter().zip(&names.names).filter(|(a, b)| a != b).count();
        println!("{differ} names differ");
        assert!(differ < 100, "{differ}");
        for (id, name) in [(5, "Cartoon"), (8, "Dance"), (23, "Smartphone")] {
            assert_eq!(full.names[id], name);
        }
    }
}
