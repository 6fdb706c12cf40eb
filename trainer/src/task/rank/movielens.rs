//! Reads the MovieLens archives of GroupLens in their form with `ratings.csv` and `movies.csv`
//! (Harper and Konstan, "The MovieLens datasets: history and context", 2015).
#![warn(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::Path;

use super::zip;
use crate::data::limited;

/// The most bytes of an archive, and ratings in it.
const LARGEST: u64 = 64 << 20;
const MOST: usize = 4_000_000;

/// One rating.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    /// Who rated.
    pub user: u32,
    /// What was rated.
    pub film: u32,
    /// 0.5 to 5.
    pub stars: f32,
    /// Seconds of Unix time.
    pub time: u64,
}

/// A film.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Film {
    /// Its title with its year.
    pub title: String,
    /// Its genres.
    pub genres: Vec<String>,
}

impl Film {
    /// The year in brackets at the end of the title.
    #[must_use]
    pub fn year(&self) -> Option<u32> {
        let title = self.title.trim_end().strip_suffix(')')?;
        title.rsplit_once('(')?.1.get(..4)?.parse().ok()
    }
}

/// Ratings and films.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MovieLens {
    /// In the order of the file.
    pub ratings: Vec<Rating>,
    /// By number.
    pub films: BTreeMap<u32, Film>,
}

impl MovieLens {
    /// Reads an archive.
    ///
    /// # Errors
    /// A sentence that says what is wrong, with the line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let archive = limited::file(path, LARGEST)?;
        let text = |name: &str| {
            let bytes = zip::read(&archive, name)?;
            String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))
        };
        Self::parse(&text("ratings.csv")?, &text("movies.csv")?)
    }

    /// Reads both tables.
    ///
    /// # Errors
    /// As [`MovieLens::read`].
    pub fn parse(ratings: &str, films: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for (cells, place) in rows("ratings.csv", ratings, "userId,movieId,rating,timestamp")? {
            let wrong = || format!("{place}: not a user, a film, stars and a time");
            let [user, film, stars, time] = cells.as_slice() else { return Err(wrong()) };
            let rating = Rating {
                user: user.parse().map_err(|_| wrong())?,
                film: film.parse().map_err(|_| wrong())?,
                stars: stars.parse().map_err(|_| wrong())?,
                time: time.parse().map_err(|_| wrong())?,
            };
            if !(0.0..=5.0).contains(&rating.stars) {
                return Err(format!("{place}: {stars} stars are outside 0 to 5"));
            }
            if found.ratings.len() == MOST {
                return Err(format!("{place}: there are more than {MOST} ratings, the limit"));
            }
            found.ratings.push(rating);
        }
        for (cells, place) in rows("movies.csv", films, "movieId,title,genres")? {
            let wrong = || format!("{place}: not a film, a title and genres");
            let [film, title, genres] = cells.as_slice() else { return Err(wrong()) };
            let number = film.parse().map_err(|_| wrong())?;
            let genres = genres.split('|').map(str::to_owned).collect();
            found.films.insert(number, Film { title: title.clone(), genres });
        }
        if let Some(rating) = found.ratings.iter().find(|r| !found.films.contains_key(&r.film)) {
            return Err(format!("ratings.csv: film {} is not in movies.csv", rating.film));
        }
        Ok(found)
    }
}

/// The cells of each line after `head`, with the line's place for errors.
fn rows(name: &str, text: &str, head: &str) -> Result<Vec<(Vec<String>, String)>, String> {
    let mut lines = text.lines().enumerate();
    match lines.next() {
        Some((_, first)) if first.trim_start_matches('\u{feff}').trim() == head => {}
        _ => return Err(format!("{name} does not begin with the line {head}")),
    }
    let row = |(at, line): (usize, &str)| (cells(line), format!("{name} line {}", at + 1));
    Ok(lines.filter(|(_, line)| !line.trim().is_empty()).map(row).collect())
}

/// Cells between commas; commas in quotes are text, and two quotes are one.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.trim_end().chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cells.last_mut().into_iter().for_each(|cell| cell.push('"'));
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().into_iter().for_each(|cell| cell.push(c)),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATINGS: &str = "userId,movieId,rating,timestamp\r\n1,7,4.5,100\r\n2,8,0.5,90\r\n";
    const FILMS: &str = "movieId,title,genres\n7,\"Say \"\"A, B\"\" (1995)\",Drama|War\n8,Ten,x\n";

    #[test]
    fn an_archive_gives_ratings_and_films() {
        let files = [("m/ratings.csv", RATINGS), ("m/movies.csv", FILMS)];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), super::super::zip::tests::archive(&files)).unwrap();
        let found = MovieLens::read(file.path()).unwrap();
        assert_eq!(found.ratings[0], Rating { user: 1, film: 7, stars: 4.5, time: 100 });
        let film = &found.films[&7];
        assert_eq!((film.title.as_str(), film.year()), ("Say \"A, B\" (1995)", Some(1995)));
        assert_eq!((film.genres.len(), found.films[&8].year()), (2, None));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let said = |ratings: &str, films: &str| MovieLens::parse(ratings, films).unwrap_err();
        assert!(said("user,film\n", FILMS).contains("does not begin with"));
        assert!(said(&format!("{RATINGS}x,1,2,3\n"), FILMS).contains("ratings.csv line 4"));
        assert!(said(&RATINGS.replace("4.5", "NaN"), FILMS).contains("outside 0 to 5"));
        assert!(said(&RATINGS.replace(",8,", ",9,"), FILMS).contains("film 9 is not in"));
        assert!(said(RATINGS, &format!("{FILMS}9\n")).contains("movies.csv line 4"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_end_is_no_archive() {
        let error = MovieLens::read(Path::new("/dev/zero")).unwrap_err();
        assert!(error.contains("67108864"), "{error}");
    }
}
