//! Writes the document as a page of blocks: usage and reclaimable bytes.

use std::cmp::Reverse;

use super::arrivals::arrivals;
use super::page::{Block, Cell, Column, Row, shares_table, sizes_table};
use super::reclaimable::in_words;
use super::{
    ArchiveReport, ClassEntry, KindEntry, PrefixEntry, ReclaimableEntry, ReportDocument,
    ServerStorage, StorageEntry,
};
use crate::health::Severity;
use crate::output::UploadsEntry;
use crate::output::words::{bytes, count, grouped, moment_in_words};
use crate::report::{PrefixKind, ReclaimReason};

/// Name in tables for objects outside any server's directory.
const OUTSIDE: &str = "(outside any server)";

/// Writes the whole page.
pub(super) fn page(document: &ReportDocument) -> Vec<Block> {
    let sums = sums(document.bytes, document.objects);
    let at = moment_in_words(document.generated_at.0);
    let mut blocks = vec![Block::Title(format!("Storage as of {at}: {sums}"))];
    blocks.extend(failed_scans(document));
    blocks.extend(archives(document));
    for archive in &document.archives {
        blocks.extend(archive_blocks(archive, document));
    }
    blocks
}

fn failed_scans(document: &ReportDocument) -> Option<Block> {
    let failed = document
        .archives
        .iter()
        .filter(|archive| archive.storage.is_none())
        .count();
    if failed == 0 {
        return None;
    }
    let all = count(document.archives.len(), "archive");
    let verb = if failed == 1 { "is" } else { "are" };
    let line = format!("{failed} of {all} could not be scanned and {verb} not counted.");
    Some(Block::Finding(Severity::Unknown, line))
}

/// Compares the archives, if there are several.
fn archives(document: &ReportDocument) -> Vec<Block> {
    let mut rows = Vec::new();
    for archive in &document.archives {
        let Some(storage) = &archive.storage else {
            continue;
        };
        let cells = vec![
            Cell::text(grouped(storage.objects)),
            Cell::Status(archive.status.0),
            Cell::text(&archive.name),
        ];
        rows.push(Row {
            bytes: storage.bytes,
            share: storage.share_percent,
            cells,
        });
    }
    if rows.len() < 2 {
        return Vec::new();
    }
    rows.sort_by_key(|row| Reverse(row.bytes));
    let columns = [
        Column::Right("Objects"),
        Column::Left("Status"),
        Column::Left("Archive"),
    ];
    shares_table("By archive", &columns, rows)
}

fn archive_blocks(archive: &ArchiveReport, document: &ReportDocument) -> Vec<Block> {
    let (name, destination) = (&archive.name, &archive.destination);
    let sums = match &archive.storage {
        Some(storage) => sums(storage.bytes, storage.objects),
        None => "unknown".to_owned(),
    };
    let mut blocks = vec![Block::Archive(format!(
        "Archive {name} ({destination}): {sums}"
    ))];
    for finding in &archive.findings {
        blocks.push(Block::Finding(finding.severity.0, finding.message.clone()));
    }
    if let Some(storage) = &archive.storage {
        blocks.extend(servers(archive, storage));
        blocks.extend(prefixes(storage));
        blocks.extend(kinds(storage));
        blocks.extend(storage_classes(storage));
        blocks.extend(reclaimable(archive, storage));
        blocks.extend(arrivals(archive, storage, document.generated_at.0));
    }
    blocks
}

fn sums(size: u64, objects: u64) -> String {
    let unit = if objects == 1 { "object" } else { "objects" };
    format!("{} in {} {unit}", bytes(size), grouped(objects))
}

fn servers(archive: &ArchiveReport, storage: &StorageEntry) -> Vec<Block> {
    let mut rows: Vec<_> = archive.servers.iter().map(server_row).collect();
    if let Some(row) = outside_row(archive, storage, &rows) {
        rows.push(row);
        rows.sort_by_key(|row| Reverse(row.bytes));
    }
    let columns = [
        Column::Right("Objects"),
        Column::Left("Status"),
        Column::Left("Server"),
    ];
    let mut blocks = shares_table("By server", &columns, rows);
    if !archive.servers.is_empty() {
        let line = "Run barman-cloud-exporter check for details of each status.";
        blocks.push(Block::Line(line.to_owned()));
    }
    blocks
}

fn server_row(server: &ServerStorage) -> Row {
    let cells = vec![
        Cell::text(grouped(server.stored_objects)),
        Cell::Status(server.health.status.0),
        Cell::text(&server.health.name),
    ];
    Row {
        bytes: server.health.stored_bytes,
        share: server.share_percent,
        cells,
    }
}

/// Row for the objects outside any server's directory; `None` without any.
fn outside_row(archive: &ArchiveReport, storage: &StorageEntry, servers: &[Row]) -> Option<Row> {
    let objects: u64 = archive
        .servers
        .iter()
        .map(|server| server.stored_objects)
        .sum();
    let outside = storage.objects.saturating_sub(objects);
    if outside == 0 {
        return None;
    }
    let shares: f64 = servers.iter().filter_map(|row| row.share).sum();
    let bytes = servers
        .iter()
        .fold(storage.bytes, |rest, row| rest.saturating_sub(row.bytes));
    let cells = vec![
        Cell::text(grouped(outside)),
        Cell::text(""),
        Cell::text(OUTSIDE),
    ];
    let share = (storage.bytes > 0).then_some((100.0 - shares).max(0.0));
    Some(Row {
        bytes,
        share,
        cells,
    })
}

fn prefixes(storage: &StorageEntry) -> Vec<Block> {
    let filled = storage.prefixes.iter().filter(|entry| entry.objects > 0);
    let rows = filled.map(prefix_row).collect();
    let columns = [
        Column::Right("Objects"),
        Column::Left("Kind"),
        Column::Left("Prefix"),
    ];
    shares_table("By prefix", &columns, rows)
}

fn prefix_row(entry: &PrefixEntry) -> Row {
    let prefix = if entry.prefix.is_empty() {
        "(none of these)"
    } else {
        &entry.prefix
    };
    let cells = vec![
        Cell::text(grouped(entry.objects)),
        Cell::text(entry.kind.to_string()),
        Cell::text(prefix),
    ];
    Row {
        bytes: entry.bytes,
        share: entry.share_percent,
        cells,
    }
}

fn kinds(storage: &StorageEntry) -> Vec<Block> {
    let filled = storage.kinds.iter().filter(|entry| entry.objects > 0);
    let rows = filled.map(kind_row).collect();
    shares_table(
        "By kind",
        &[Column::Right("Objects"), Column::Left("Kind")],
        rows,
    )
}

fn kind_row(entry: &KindEntry) -> Row {
    let kind = match entry.kind.0 {
        PrefixKind::Base => "base backups",
        PrefixKind::Wals => "WAL",
        PrefixKind::Orphan => "unexpected servers",
        PrefixKind::Other => "other",
    };
    let cells = vec![Cell::text(grouped(entry.objects)), Cell::text(kind)];
    Row {
        bytes: entry.bytes,
        share: entry.share_percent,
        cells,
    }
}

fn storage_classes(storage: &StorageEntry) -> Vec<Block> {
    let rows = storage.storage_classes.iter().map(class_row).collect();
    shares_table("By storage class", &[Column::Left("Class")], rows)
}

fn class_row(entry: &ClassEntry) -> Row {
    let cells = vec![Cell::text(&entry.storage_class)];
    Row {
        bytes: entry.bytes,
        share: entry.share_percent,
        cells,
    }
}

fn reclaimable(archive: &ArchiveReport, storage: &StorageEntry) -> Vec<Block> {
    let reclaimable = &storage.reclaimable;
    let title = format!("Reclaimable: {}", bytes(reclaimable.bytes));
    let mut rows = Vec::new();
    for entry in &reclaimable.reasons {
        if entry.bytes > 0 {
            let cells = vec![Cell::text(in_words(entry.reason.0))];
            rows.push(Row {
                bytes: entry.bytes,
                share: None,
                cells,
            });
        }
    }
    let mut blocks = sizes_table(&title, &[Column::Left("Reason")], rows);
    if blocks.is_empty() {
        blocks.push(Block::Section(title));
    }
    blocks.extend(reclaimable_notes(reclaimable));
    blocks.push(uploads(storage.uploads.as_ref()));
    if archive.servers.len() > 1 {
        blocks.extend(reclaimable_by_server(archive, reclaimable.in_uploads()));
    }
    blocks
}

/// Notes on the bytes that are in no other sum, and on those that are not counted.
fn reclaimable_notes(reclaimable: &ReclaimableEntry) -> Vec<Block> {
    let mut notes = Vec::new();
    let in_uploads = reclaimable.in_uploads();
    if in_uploads > 0 {
        let size = bytes(in_uploads);
        notes.push(format!(
            "{size} of this is in unfinished uploads, which are not part of the sums above."
        ));
    }
    for entry in &reclaimable.reasons {
        if entry.unknown_servers > 0 {
            let servers = count(entry.unknown_servers, "server");
            notes.push(format!(
                "Unknown for {servers}: {}.",
                in_words(entry.reason.0)
            ));
        }
    }
    if reclaimable.unreadable_backups > 0 {
        let backups = count(reclaimable.unreadable_backups, "backup");
        let size = bytes(reclaimable.unreadable_bytes);
        notes.push(format!(
            "Not counted: {backups} with {size} whose backup.info cannot be read. It is unknown \
             whether they are needed."
        ));
    }
    notes.into_iter().map(Block::Line).collect()
}

fn reclaimable_by_server(archive: &ArchiveReport, in_uploads: u64) -> Vec<Block> {
    let mut rows = Vec::new();
    let mut outside = in_uploads;
    for server in &archive.servers {
        for (reason, bytes) in &server.health.reclaimable_bytes {
            if reason.0 == ReclaimReason::IncompleteUpload {
                outside = outside.saturating_sub(*bytes);
            }
            rows.push(reclaimable_row(*bytes, reason.0, &server.health.name));
        }
    }
    rows.push(reclaimable_row(
        outside,
        ReclaimReason::IncompleteUpload,
        OUTSIDE,
    ));
    rows.retain(|row| row.bytes > 0);
    rows.sort_by_key(|row| Reverse(row.bytes));
    let columns = [Column::Left("Reason"), Column::Left("Server")];
    sizes_table("Reclaimable by server", &columns, rows)
}

fn reclaimable_row(bytes: u64, reason: ReclaimReason, server: &str) -> Row {
    let cells = vec![Cell::text(in_words(reason)), Cell::text(server)];
    Row {
        bytes,
        share: None,
        cells,
    }
}

fn uploads(uploads: Option<&UploadsEntry>) -> Block {
    let Some(uploads) = uploads else {
        let line = "Unfinished multipart uploads: unknown, because the store does not list them.";
        return Block::Line(line.to_owned());
    };
    let mut line = format!("Unfinished multipart uploads: {}", grouped(uploads.count));
    if uploads.count > 0 {
        line.push_str(", ");
        line.push_str(
            &uploads
                .bytes
                .map_or_else(|| "of unknown size".to_owned(), bytes),
        );
    }
    if let Some(oldest_at) = uploads.oldest_at {
        line.push_str(", the oldest started ");
        line.push_str(&moment_in_words(oldest_at.0));
    }
    Block::Line(format!("{line}."))
}
