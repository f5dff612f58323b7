//! Progress of scans, in one line.

use super::terminal::plain;
use super::words::grouped;

/// Progress of the scan of one archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanProgress {
    /// Configured name of the archive.
    pub archive: String,
    /// Number of pages listed so far, of up to 1,000 objects each.
    pub pages: u64,
    /// True if the scan has ended.
    pub has_ended: bool,
}

/// Maximum length of the line, in characters: one less than a usual terminal has, so that it never
/// wraps.
const WIDTH: usize = 79;

/// Shows the progress of scans in one line, without a line break.
#[must_use]
pub fn progress_line(scans: &[ScanProgress]) -> String {
    let pages: u64 = scans.iter().map(|scan| scan.pages).sum();
    let ended = scans.iter().filter(|scan| scan.has_ended).count();
    let scanned = match scans {
        [only] => plain(&only.archive),
        several => format!("{ended} of {} archives scanned", several.len()),
    };
    let unit = if pages == 1 { "page" } else { "pages" };
    let listed = format!(": {} {unit} of up to 1,000 objects listed…", grouped(pages));
    let left = WIDTH.saturating_sub(listed.chars().count());
    scanned.chars().take(left).chain(listed.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(archive: &str, pages: u64, has_ended: bool) -> ScanProgress {
        ScanProgress {
            archive: archive.to_owned(),
            pages,
            has_ended,
        }
    }

    #[test]
    fn one_archive_is_named() {
        let one = progress_line(&[scan("production", 1, false)]);
        let many = progress_line(&[scan("production", 12_345, false)]);

        assert_eq!(one, "production: 1 page of up to 1,000 objects listed…");
        assert_eq!(
            many,
            "production: 12,345 pages of up to 1,000 objects listed…"
        );
    }

    #[test]
    fn several_archives_are_summed() {
        let line = progress_line(&[scan("a", 3, true), scan("b", 4, false)]);

        assert_eq!(
            line,
            "1 of 2 archives scanned: 7 pages of up to 1,000 objects listed…"
        );
    }

    #[test]
    fn a_name_neither_wraps_nor_steers_the_terminal() {
        let line = progress_line(&[scan(&format!("\u{1b}[2J\n{}", "x".repeat(200)), 7, false)]);

        assert_eq!(line.chars().count(), WIDTH);
        assert!(
            line.starts_with("\u{fffd}[2J\u{fffd}xxx") && line.ends_with("listed…"),
            "{line}"
        );
    }
}
