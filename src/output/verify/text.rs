//! Text of a verification, for people.

use std::fmt::Write as _;

use chrono::TimeDelta;

use super::assemble::price_of;
use super::words::unread_in_words;
use super::{
    ReadEntry, SegmentEntry, SelectedArchiveEntry, SelectedBackupEntry, SelectedServerEntry,
    SelectedWalEntry, VerifyDocument,
};
use crate::evidence::{ContentVerdict, DataFault, Depth, Level, Unproven};
use crate::health::Severity;
use crate::output::check::unproven_in_words;
use crate::output::sentences::{data_faults, fault_in_words};
use crate::output::terminal::{plain, status};
use crate::output::words::{bytes, count, cut, duration, grouped, moment_in_words};
use crate::output::{Label, ProofEntry};
use crate::report::ReadSums;

/// Maximum length of a reason that is repeated, in characters.
const REASON_CHARACTERS: usize = 1000;

/// Maximum number of segments that are named although nothing was found in them.
const MOST_UNREADABLE: u64 = 10;

/// Writes the document as text, with colours (ANSI) if wanted.
#[must_use]
pub fn verify_text(document: &VerifyDocument, colours: bool) -> String {
    let mut writer = TextWriter {
        colours,
        is_dry: document.dry_run,
        lines: Vec::new(),
    };
    writer.document(document);
    writer.lines.join("\n")
}

/// Describes in one line what is to be read, and its price if the price of one GB is known, in
/// millionths.
#[must_use]
pub fn estimate_line(planned: ReadSums, price_millionths: Option<u64>) -> String {
    let price = price_millionths.map(|price| price_of(planned.bytes, price));
    estimate(planned.into(), price.as_deref())
}

fn estimate(planned: ReadEntry, price: Option<&str>) -> String {
    let planned = sums(planned);
    match price {
        Some(price) => format!("To be read: {planned}, at a price of {price}"),
        None => format!("To be read: {planned}"),
    }
}

fn sums(read: ReadEntry) -> String {
    let requests = if read.requests == 1 {
        "request"
    } else {
        "requests"
    };
    let objects = if read.objects == 1 {
        "object"
    } else {
        "objects"
    };
    format!(
        "{} {objects}, {} in {} {requests}",
        grouped(read.objects),
        bytes(read.bytes),
        grouped(read.requests)
    )
}

/// Text in the making.
struct TextWriter {
    colours: bool,
    is_dry: bool,
    lines: Vec<String>,
}

impl TextWriter {
    fn document(&mut self, document: &VerifyDocument) {
        let status = self.status(document.status);
        let now = moment_in_words(document.generated_at.0);
        self.lines.push(format!("{status} as of {now}"));
        for archive in &document.archives {
            self.archive(archive);
        }
        self.lines.push(String::new());
        self.conclusion(document);
    }

    fn status(&self, severity: Label<Severity>) -> String {
        status(severity.0, self.colours)
    }

    fn archive(&mut self, archive: &SelectedArchiveEntry) {
        let status = self.status(archive.status);
        let (name, destination) = (plain(&archive.name), plain(&archive.destination));
        self.lines.push(String::new());
        self.lines
            .push(format!("{status} archive {name} ({destination})"));
        if let Some(error) = &archive.error {
            let message = plain(&cut(&error.message, REASON_CHARACTERS));
            self.lines.push(format!(
                "    The scan failed, and nothing was read: {message}"
            ));
        }
        for server in &archive.servers {
            self.server(server);
        }
    }

    fn server(&mut self, server: &SelectedServerEntry) {
        let status = self.status(server.status);
        let name = plain(&server.name);
        self.lines.push(String::new());
        self.lines
            .push(format!("  {status} server {name}, level {}", server.level));
        if self.is_dry {
            self.fact("To be read", &sums(server.planned));
        }
        if server.backups.is_empty() {
            self.fact(
                "Backup",
                "none selected: there is no finished backup with data objects",
            );
        }
        for backup in &server.backups {
            self.backup(backup, server.level.0);
        }
        self.fact("WAL", &wal(&server.wal));
        self.segments(server);
        if let Some(error) = &server.error {
            let error = plain(&cut(error, REASON_CHARACTERS));
            self.lines.push(format!("    Reads were given up: {error}"));
        }
    }

    fn fact(&mut self, name: &str, fact: &str) {
        self.lines.push(format!("    {name:<10}  {fact}"));
    }

    fn backup(&mut self, backup: &SelectedBackupEntry, level: Level) {
        let mut fact = format!("{}: {}", plain(&backup.id), read_of(backup));
        if let Some(Label(reason)) = backup.unread {
            let what = match backup.depth {
                Some(_) => "not read as deep as asked",
                None => "not read",
            };
            let size = bytes(backup.data_bytes);
            let why = unread_in_words(reason);
            fact = format!("{}: {what} ({size}): {why}", plain(&backup.id));
        }
        self.fact("Backup", &fact);
        let unproven: Vec<_> = backup
            .unproven
            .iter()
            .filter_map(|word| Unproven::of_label(word))
            .map(|subject| unproven_in_words(subject, backup.pages))
            .collect();
        if !unproven.is_empty() {
            self.fact("", &format!("Not proven: {}", unproven.join("; ")));
        }
        let is_corrupt = backup.verdict == Some(Label(ContentVerdict::Corrupt));
        match &backup.proven_wal {
            Some(reached) => self.fact("", &reached_in_words(reached)),
            // Of a corrupt backup it does not matter.
            None if level >= Level::Wal && !self.is_dry && !is_corrupt => self.fact(
                "",
                "The WAL that makes it consistent was not read as a whole and without a fault",
            ),
            None => {}
        }
    }

    /// Names the segments that are not sound; of those that cannot be judged, a few.
    fn segments(&mut self, server: &SelectedServerEntry) {
        let mut unreadable: u64 = 0;
        for segment in &server.segments {
            if segment.verdict.0 == ContentVerdict::Unreadable {
                if unreadable == MOST_UNREADABLE {
                    continue;
                }
                unreadable += 1;
            }
            self.segment(segment);
        }
        let others = server.wal.unreadable.saturating_sub(unreadable);
        if others > 0 {
            let word = self.status(Label(Severity::Warning));
            self.lines.push(format!(
                "    {word}: and {} more that cannot be judged",
                grouped(others)
            ));
        }
    }

    fn segment(&mut self, segment: &SegmentEntry) {
        let severity = match segment.verdict.0 {
            ContentVerdict::Corrupt => Severity::Critical,
            ContentVerdict::Sound | ContentVerdict::Suspect | ContentVerdict::Unreadable => {
                Severity::Warning
            }
        };
        let word = self.status(Label(severity));
        let ending = if segment.partial { ".partial" } else { "" };
        let fault = fault_in_words(segment.fault.0);
        let mut line = format!(
            "    {word}: {} segment {}{ending} {fault}",
            segment.verdict, segment.segment
        );
        if let Some(ends_at) = &segment.ends_at {
            let _ = write!(line, "; replay ends at {ends_at}, without an error");
        }
        if segment.depth.0 == Depth::Edges {
            line.push_str(" (only its first and last bytes were read)");
        }
        self.lines.push(line);
    }

    fn conclusion(&mut self, document: &VerifyDocument) {
        let Some(read) = document.read else {
            let planned = estimate(document.planned, document.planned_price.as_deref());
            self.lines
                .push(format!("{planned}. Nothing was read: this is a dry run."));
            return;
        };
        let seconds = document.read_seconds.unwrap_or_default();
        let length = duration(TimeDelta::seconds(
            i64::try_from(seconds).unwrap_or(i64::MAX),
        ));
        self.lines
            .push(format!("Read {} and {length}.", sums(read)));
        if document.interrupted {
            self.lines.push(
                "Interrupted: what is not named above was not read. What was read is kept."
                    .to_owned(),
            );
        }
        let found = match document.status.0 {
            Severity::Critical => "Something is corrupt: it was read twice, with the same result.",
            Severity::Unknown | Severity::Warning | Severity::Ok => {
                "Nothing is called corrupt that was not read twice with the same result."
            }
        };
        self.lines.push(format!(
            "{found} What was not read may be damaged, and only a restore proves that a backup can be \
             restored."
        ));
    }
}

/// Describes the selected WAL files.
fn wal(wal: &SelectedWalEntry) -> String {
    if wal.selected == 0 && wal.absent == 0 {
        return "nothing selected".to_owned();
    }
    // An attempt is no read.
    let read = wal.read_now.saturating_add(wal.read_before);
    let mut parts = vec![format!(
        "{} of {} read",
        grouped(read.saturating_sub(wal.unreadable)),
        count_of(wal.selected, "file")
    )];
    if wal.read_before > 0 {
        parts.push(format!("{} of them before", grouped(wal.read_before)));
    }
    let found = [
        (wal.corrupt, "corrupt"),
        (wal.suspect, "suspect"),
        (wal.unreadable, "unreadable"),
    ];
    for (number, word) in found {
        if number > 0 {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    if wal.absent > 0 {
        parts.push(format!(
            "{} of the range not in the archive, or needed by no backup",
            count_of(wal.absent, "segment")
        ));
    }
    if wal.sound > 0 && wal.corrupt + wal.suspect + wal.unreadable == 0 {
        parts.push("nothing wrong was found in what was read".to_owned());
    }
    parts.join(", ")
}

fn count_of(number: u64, unit: &str) -> String {
    if number == 1 {
        count(number, unit)
    } else {
        format!("{} {unit}s", grouped(number))
    }
}

/// Describes what is known of a backup's data.
fn read_of(backup: &SelectedBackupEntry) -> String {
    let (Some(depth), Some(verdict), Some(read_at)) =
        (backup.depth, backup.verdict, backup.read_at)
    else {
        return format!("not read ({})", bytes(backup.data_bytes));
    };
    let when = if backup.read_now {
        "read now".to_owned()
    } else {
        format!("read before, {}", moment_in_words(read_at.0))
    };
    let what = match depth.0 {
        Depth::Whole => bytes(backup.data_bytes),
        Depth::Edges => "first and last bytes".to_owned(),
    };
    let faults = backup
        .faults
        .iter()
        .filter_map(|word| DataFault::of_label(word));
    let faults = data_faults(&faults.collect());
    let found = match verdict.0 {
        ContentVerdict::Sound => "nothing wrong was found".to_owned(),
        ContentVerdict::Suspect => format!("SUSPECT: {faults}"),
        ContentVerdict::Corrupt => format!("CORRUPT: {faults}"),
        ContentVerdict::Unreadable => format!("cannot be judged: {faults}"),
    };
    format!("{when} ({what}): {found}")
}

fn reached_in_words(reached: &ProofEntry) -> String {
    let mut words = format!(
        "WAL was read without a break and without a fault up to {}",
        reached.segment
    );
    if let Some(arrived_at) = reached.arrived_at {
        let _ = write!(words, ", archived {}", moment_in_words(arrived_at.0));
    }
    if let Some(committed_at) = reached.committed_at {
        let _ = write!(words, ", last commit {}", moment_in_words(committed_at.0));
    }
    words
}
