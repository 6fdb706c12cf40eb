//! Features as a table of comma-separated values.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use framecast::model::csv::CsvReader;

use super::Labelled;

pub(super) fn read(
    path: &Path,
    add: &mut dyn FnMut(Labelled) -> Result<(), String>,
) -> Result<(), String> {
    let mut file = BufReader::new(File::open(path).map_err(|e| e.to_string())?);
    let packed = file.fill_buf().map_err(|e| e.to_string())?.starts_with(&[0x1f, 0x8b]);
    if packed { rows(BufReader::new(MultiGzDecoder::new(file)), add) } else { rows(file, add) }
}

fn rows(
    source: impl BufRead,
    add: &mut dyn FnMut(Labelled) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = CsvReader::new(source);
    let mut fields = Vec::new();
    if !reader.read(&mut fields).map_err(|e| e.to_string())? {
        return Err("it is empty".to_owned());
    }
    if fields.len() < 3 || fields[0] != "id" || fields[1] != "labels" {
        return Err("its first line must name the columns id, labels and one a feature".to_owned());
    }
    let columns = fields.len();
    while reader.read(&mut fields).map_err(|e| e.to_string())? {
        let at = |reason: String| format!("line {}: {reason}", reader.line());
        if fields.len() != columns {
            return Err(at(format!("{} fields instead of {columns}", fields.len())));
        }
        let labels = fields[1].split_whitespace().map(|l| {
            l.parse().map_err(|_| at(format!("{l:?} is no label; they are whole numbers")))
        });
        let numbers = fields[2..]
            .iter()
            .map(|f| f.trim().parse().map_err(|_| at(format!("{f:?} is no number"))));
        let one = Labelled {
            id: fields[0].clone(),
            labels: labels.collect::<Result<_, _>>()?,
            features: numbers.collect::<Result<_, _>>()?,
        };
        add(one).map_err(at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Labelled>, String> {
        let mut found = Vec::new();
        rows(text.as_bytes(), &mut |one| {
            found.push(one);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn tables_are_read_and_errors_have_a_line() {
        let found = parse("id,labels,f0,f1\nv1,3 7,0.5,-1e3\nv2,,1,2\n").unwrap();
        assert_eq!((found.len(), &found[0].labels[..]), (2, &[3, 7][..]));
        assert_eq!((found[0].features[1], found[1].labels.len()), (-1000.0, 0));
        assert!(parse("").unwrap_err().contains("empty"));
        assert!(parse("a,b,c\n1,2,3\n").unwrap_err().contains("columns id"));
        let wrong = |row: &str| parse(&format!("id,labels,f0\n{row}\n")).unwrap_err();
        assert!(wrong("v,1,x").starts_with("line 2: \"x\" is no number"));
        assert!(wrong("v,one,1").contains("\"one\" is no label"));
        assert!(wrong("v,1").contains("2 fields instead of 3"));
    }
}
