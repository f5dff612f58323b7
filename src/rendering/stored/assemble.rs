//! From reports to the document.

use std::cmp::Reverse;

use barman_archive::inventory::{Day, StorageClass, Sums, Usage};
use chrono::{DateTime, Utc};

use super::shares::shares;
use super::{
    ArchiveReport, ClassEntry, GrowthEntry, KindEntry, PrefixEntry, ReclaimableEntry,
    ReportDocument, ServerStorage, StorageEntry,
};
use crate::rendering::{ArchiveEntry, Moment, ServerEntry, Severity, UploadsEntry};
use crate::report::{ArchiveStatus, PrefixKind, PrefixSums, Report, ServerReport, UploadSums};

impl ReportDocument {
    /// Sums up and judges archives as of a moment, by their last scans.
    #[must_use]
    pub fn new(archives: &[ArchiveStatus], now: DateTime<Utc>) -> Self {
        let mut archives: Vec<_> =
            archives.iter().map(|report| ArchiveReport::new(report, now)).collect();
        let mut scanned: Vec<_> =
            archives.iter_mut().filter_map(|archive| archive.storage.as_mut()).collect();
        let shares = shares(&bytes_of(&scanned, |storage| storage.bytes));
        let mut sums = Sums::default();
        for (storage, share) in scanned.iter_mut().zip(shares) {
            sums.add(Sums { objects: storage.objects, bytes: storage.bytes });
            storage.share_percent = share;
        }
        Self {
            version: 1,
            generated_at: Moment(now),
            status: Severity::worst(archives.iter().map(|archive| archive.status)),
            complete: archives.iter().all(|archive| archive.storage.is_some()),
            objects: sums.objects,
            bytes: sums.bytes,
            archives,
        }
    }
}

impl ArchiveReport {
    fn new(status: &ArchiveStatus, now: DateTime<Utc>) -> Self {
        let today = Day::of(now);
        let health = ArchiveEntry::new(status, now);
        let report = status.report.as_deref();
        Self {
            name: health.name,
            destination: health.destination,
            status: health.status,
            error: health.error,
            findings: health.findings,
            storage: report.map(|report| StorageEntry::new(report, today)),
            servers: report
                .map(|report| servers(health.servers, report, today))
                .unwrap_or_default(),
        }
    }
}

impl StorageEntry {
    fn new(report: &Report, today: Day) -> Self {
        Self {
            objects: report.usage.sums.objects,
            bytes: report.usage.sums.bytes,
            // That is seen beside the others.
            share_percent: None,
            prefixes: prefixes(report),
            kinds: kinds(report),
            storage_classes: storage_classes(&report.usage),
            reclaimable: ReclaimableEntry::new(report),
            uploads: report.uploads.as_ref().map(|uploads| all_uploads(uploads.values())),
            growth: GrowthEntry::new(&report.usage, today),
        }
    }
}

fn prefixes(report: &Report) -> Vec<PrefixEntry> {
    let mut found: Vec<_> = report.prefixes.iter().collect();
    found.sort_by_key(|report| Reverse(report.sums.bytes));
    let shares = shares(&bytes_of(&found, |report| report.sums.bytes));
    let entry = |(report, share_percent): (&&PrefixSums, _)| PrefixEntry {
        prefix: report.prefix.clone(),
        kind: report.kind.as_label(),
        objects: report.sums.objects,
        bytes: report.sums.bytes,
        share_percent,
    };
    found.iter().zip(shares).map(entry).collect()
}

fn kinds(report: &Report) -> Vec<KindEntry> {
    let sums_of = |kind| {
        let prefixes = report.prefixes.iter().filter(|report| report.kind == kind);
        (kind, prefixes.fold(Sums::default(), |sums, report| sums.plus(report.sums)))
    };
    let is_known = |kind: &PrefixKind| match kind {
        PrefixKind::Base | PrefixKind::Wals => true,
        PrefixKind::Orphan | PrefixKind::Other => report.is_whole,
    };
    let mut found: Vec<_> = PrefixKind::ALL.into_iter().filter(is_known).map(sums_of).collect();
    found.sort_by_key(|(_, sums)| Reverse(sums.bytes));
    let shares = shares(&bytes_of(&found, |(_, sums)| sums.bytes));
    let entry = |((kind, sums), share_percent): ((PrefixKind, Sums), _)| KindEntry {
        kind: kind.as_label(),
        objects: sums.objects,
        bytes: sums.bytes,
        share_percent,
    };
    found.into_iter().zip(shares).map(entry).collect()
}

fn storage_classes(usage: &Usage) -> Vec<ClassEntry> {
    let mut found: Vec<_> = usage.classes().collect();
    // Where they are equal by name: they are in the order of the listing.
    found.sort_by_key(|(class, bytes)| (Reverse(*bytes), class.as_str()));
    let shares = shares(&bytes_of(&found, |(_, bytes)| *bytes));
    let entry = |((class, bytes), share_percent): ((&StorageClass, u64), _)| ClassEntry {
        storage_class: class.as_str().to_owned(),
        bytes,
        share_percent,
    };
    found.into_iter().zip(shares).map(entry).collect()
}

fn servers(mut health: Vec<ServerEntry>, report: &Report, today: Day) -> Vec<ServerStorage> {
    health.sort_by_key(|server| Reverse(server.stored_bytes));
    let mut parts = bytes_of(&health, |server| server.stored_bytes);
    let of_servers = parts.iter().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
    parts.push(report.usage.sums.bytes.saturating_sub(of_servers));
    let shares = shares(&parts);
    let empty = ServerReport::default();
    let entry = |(health, share_percent): (ServerEntry, _)| {
        let usage = &report.servers.get(&health.name).unwrap_or(&empty).usage;
        ServerStorage {
            health,
            stored_objects: usage.sums.objects,
            share_percent,
            storage_classes: storage_classes(usage),
            growth: GrowthEntry::new(usage, today),
        }
    };
    health.into_iter().zip(shares).map(entry).collect()
}

fn all_uploads<'a>(uploads: impl Iterator<Item = &'a UploadSums>) -> UploadsEntry {
    let mut all = UploadSums::default();
    for sums in uploads {
        all.count = all.count.saturating_add(sums.count);
        all.bytes = all.bytes.zip(sums.bytes).map(|(all, bytes)| all.saturating_add(bytes));
        all.oldest_at = all.oldest_at.into_iter().chain(sums.oldest_at).min();
        sums.oldest.iter().for_each(|(begun_at, key)| all.note(*begun_at, key));
    }
    UploadsEntry::from(&all)
}

fn bytes_of<T>(parts: &[T], bytes: impl Fn(&T) -> u64) -> Vec<u64> {
    parts.iter().map(bytes).collect()
}
