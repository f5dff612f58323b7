//! Builds the document from reports.

use std::cmp::Reverse;

use barman_archive::inventory::{Day, StorageClass, Sums, Usage};
use chrono::{DateTime, Utc};

use super::shares::shares;
use super::{
    ArchiveReport, ClassEntry, GrowthEntry, KindEntry, PrefixEntry, ReclaimableEntry,
    ReportDocument, ServerStorage, StorageEntry,
};
use crate::health::Severity;
use crate::output::{ArchiveEntry, Label, Moment, ServerEntry, UploadsEntry};
use crate::report::{ArchiveStatus, PrefixKind, PrefixSums, Report, ServerReport, UploadSums};

impl ReportDocument {
    /// Sums up and judges archives as of a moment, by their last scans.
    #[must_use]
    pub fn new(archives: &[ArchiveStatus], now: DateTime<Utc>) -> Self {
        let mut archives: Vec<_> = archives
            .iter()
            .map(|status| ArchiveReport::new(status, now))
            .collect();
        let sums = share_out(&mut archives);
        Self {
            version: 1,
            generated_at: Moment(now),
            status: Label(Severity::worst(
                archives.iter().map(|archive| archive.status.0),
            )),
            complete: archives.iter().all(|archive| archive.storage.is_some()),
            objects: sums.objects,
            bytes: sums.bytes,
            archives,
        }
    }
}

/// Sets the share of each archive in all archives, and returns the sums of all archives.
fn share_out(archives: &mut [ArchiveReport]) -> Sums {
    let mut scanned: Vec<_> = archives
        .iter_mut()
        .filter_map(|archive| archive.storage.as_mut())
        .collect();
    let shares = shares(&bytes_of(&scanned, |storage| storage.bytes));
    let mut sums = Sums::default();
    for (storage, share) in scanned.iter_mut().zip(shares) {
        sums.add(Sums {
            objects: storage.objects,
            bytes: storage.bytes,
        });
        storage.share_percent = share;
    }
    sums
}

impl ArchiveReport {
    fn new(status: &ArchiveStatus, now: DateTime<Utc>) -> Self {
        let today = Day::of(now);
        let health = ArchiveEntry::new(status, now);
        let (storage, servers) = match status.report.as_deref() {
            Some(report) => {
                let storage = StorageEntry::new(report, today);
                (Some(storage), servers(health.servers, report, today))
            }
            None => (None, Vec::new()),
        };
        Self {
            name: health.name,
            destination: health.destination,
            status: health.status,
            error: health.error,
            findings: health.findings,
            storage,
            servers,
        }
    }
}

impl StorageEntry {
    fn new(report: &Report, today: Day) -> Self {
        Self {
            objects: report.usage.sums.objects,
            bytes: report.usage.sums.bytes,
            // Known only when all archives are.
            share_percent: None,
            prefixes: prefixes(report),
            kinds: kinds(report),
            storage_classes: storage_classes(&report.usage),
            reclaimable: ReclaimableEntry::new(report),
            uploads: report
                .uploads
                .as_ref()
                .map(|uploads| all_uploads(uploads.values())),
            growth: GrowthEntry::new(&report.usage, today),
        }
    }
}

fn prefixes(report: &Report) -> Vec<PrefixEntry> {
    let mut found: Vec<&PrefixSums> = report.prefixes.iter().collect();
    found.sort_by_key(|prefix| Reverse(prefix.sums.bytes));
    let shares = shares(&bytes_of(&found, |prefix| prefix.sums.bytes));
    let mut entries = Vec::new();
    for (prefix, share_percent) in found.into_iter().zip(shares) {
        entries.push(PrefixEntry {
            prefix: prefix.prefix.clone(),
            kind: Label(prefix.kind),
            objects: prefix.sums.objects,
            bytes: prefix.sums.bytes,
            share_percent,
        });
    }
    entries
}

fn kinds(report: &Report) -> Vec<KindEntry> {
    let mut found = Vec::new();
    for kind in PrefixKind::ALL {
        if is_listed(kind, report) {
            found.push((kind, sums_of_kind(kind, report)));
        }
    }
    found.sort_by_key(|(_, sums)| Reverse(sums.bytes));
    let shares = shares(&bytes_of(&found, |(_, sums)| sums.bytes));
    let mut entries = Vec::new();
    for ((kind, sums), share_percent) in found.into_iter().zip(shares) {
        let Sums { objects, bytes } = sums;
        entries.push(KindEntry {
            kind: Label(kind),
            objects,
            bytes,
            share_percent,
        });
    }
    entries
}

/// Returns whether everything of a kind was listed.
const fn is_listed(kind: PrefixKind, report: &Report) -> bool {
    match kind {
        PrefixKind::Base | PrefixKind::Wals => true,
        PrefixKind::Orphan | PrefixKind::Other => report.is_whole,
    }
}

fn sums_of_kind(kind: PrefixKind, report: &Report) -> Sums {
    let mut sums = Sums::default();
    for prefix in &report.prefixes {
        if prefix.kind == kind {
            sums.add(prefix.sums);
        }
    }
    sums
}

fn storage_classes(usage: &Usage) -> Vec<ClassEntry> {
    let mut found: Vec<(&StorageClass, u64)> = usage.classes().collect();
    // Classes of equal size are in the order of the listing: they are ordered by name instead.
    found.sort_by_key(|(class, bytes)| (Reverse(*bytes), class.as_str()));
    let shares = shares(&bytes_of(&found, |(_, bytes)| *bytes));
    let mut entries = Vec::new();
    for ((class, bytes), share_percent) in found.into_iter().zip(shares) {
        let storage_class = class.as_str().to_owned();
        entries.push(ClassEntry {
            storage_class,
            bytes,
            share_percent,
        });
    }
    entries
}

fn servers(mut health: Vec<ServerEntry>, report: &Report, today: Day) -> Vec<ServerStorage> {
    health.sort_by_key(|server| Reverse(server.stored_bytes));
    let mut parts = bytes_of(&health, |server| server.stored_bytes);
    let of_servers = parts
        .iter()
        .fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
    parts.push(report.usage.sums.bytes.saturating_sub(of_servers));
    let empty = ServerReport::default();
    let mut servers = Vec::new();
    for (health, share_percent) in health.into_iter().zip(shares(&parts)) {
        let usage = &report.servers.get(&health.name).unwrap_or(&empty).usage;
        servers.push(ServerStorage {
            health,
            stored_objects: usage.sums.objects,
            share_percent,
            storage_classes: storage_classes(usage),
            growth: GrowthEntry::new(usage, today),
        });
    }
    servers
}

fn all_uploads<'a>(uploads: impl Iterator<Item = &'a UploadSums>) -> UploadsEntry {
    let mut all = UploadSums::default();
    for sums in uploads {
        all.count = all.count.saturating_add(sums.count);
        all.bytes = all
            .bytes
            .zip(sums.bytes)
            .map(|(all, bytes)| all.saturating_add(bytes));
        all.oldest_at = all.oldest_at.into_iter().chain(sums.oldest_at).min();
        for (begun_at, key) in &sums.oldest {
            all.note(*begun_at, key);
        }
    }
    UploadsEntry::from(&all)
}

fn bytes_of<T>(parts: &[T], bytes: impl Fn(&T) -> u64) -> Vec<u64> {
    parts.iter().map(bytes).collect()
}
