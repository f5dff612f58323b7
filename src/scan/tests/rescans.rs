//! Rescans, against full scans of the same archive.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use archive_store::memory::{FailingStore, MemoryStore, Quirk, RecordingStore};
use archive_store::{KeyOrder, StorageError};
use barman_archive::barman::BackupInfoText;
use barman_archive::postgres::{TimelineId, WalDir};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{expecting_nothing, limits};
use crate::clock::Clock;
use crate::report::Report;
use crate::scan::{ArchiveScan, ScanContext, ScanLimits};

/// Objects of a page.
const PAGE: usize = 2;

/// Pages that a rescan may have listed, but for those of the servers' names, when it finds that so much was
/// deleted that listing everything would have been cheaper.
const ON_THE_WAY: u32 = 4;

/// Minutes between two scans, and within which everything is listed again.
const PAUSE: i64 = 60;
const AUDIT_PERIOD: i64 = 24 * PAUSE;

fn at(minute: i64) -> DateTime<Utc> {
    "2026-11-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

/// Changes that people, archivers, retention and lifecycle rules make to an archive between two scans.
#[derive(Clone, Debug)]
enum Deed {
    /// The newest timeline gets so many segments.
    Append(u8),
    /// A timeline begins, with its history file.
    Promote,
    /// A backup is taken, and leaves a label.
    BackUp,
    /// The oldest backup goes, and then the WAL before the next one.
    Retain,
    /// The same, but the WAL goes bit by bit between the scans that follow.
    RetainSlowly,
    /// Another server begins to archive.
    NewServer,
    /// A segment vanishes, or arrives once more with another size: nobody who archives does so.
    Lose(u16),
    Overwrite(u16),
    /// A whole directory vanishes.
    LoseWalDir(u16),
    /// Something that is no WAL is put somewhere.
    Litter(u8),
}

impl Deed {
    /// Returns whether the next rescan sees the result.
    fn is_seen_at_once(&self, quirk: Quirk) -> bool {
        match self {
            Self::Lose(_) | Self::Overwrite(_) => false,
            Self::LoseWalDir(_) => quirk != Quirk::KeepsEmptyDirectories,
            Self::Append(_)
            | Self::Promote
            | Self::BackUp
            | Self::Retain
            | Self::RetainSlowly
            | Self::NewServer
            | Self::Litter(_) => true,
        }
    }
}

/// One archive, and what would be going on in it.
struct World {
    objects: Arc<MemoryStore>,
    store: Arc<FailingStore<RecordingStore<Arc<MemoryStore>>>>,
    minute: i64,
    timeline: u32,
    next: u32,
    /// Ids of backups, and the segments with which they begin.
    backups: Vec<(String, u32, u32)>,
    servers: u32,
    /// WAL below this key is being deleted.
    going: String,
}

const SEGMENTS_PER_WAL_DIR: u32 = 4;

/// Keys with WAL directories of four segments each, so that a few segments make many WAL directories: 1 GiB each.
fn segment_key(timeline: u32, number: u32) -> String {
    let (high, segment) = (number / SEGMENTS_PER_WAL_DIR, number % SEGMENTS_PER_WAL_DIR);
    let name = WalDir {
        timeline: TimelineId(timeline),
        high,
    };
    format!("p/s/wals/{name}/{}.gz", name.segment(segment))
}

impl World {
    fn new(quirk: Quirk, order: KeyOrder) -> Self {
        let objects = MemoryStore::new(PAGE).with_order(order).with_quirk(quirk);
        let objects = Arc::new(objects);
        let store = FailingStore::new(RecordingStore::new(Arc::clone(&objects)));
        let mut world = Self {
            objects,
            store: Arc::new(store),
            minute: 0,
            timeline: 1,
            next: 0,
            backups: vec![],
            servers: 0,
            going: String::new(),
        };
        for _ in 0..3 {
            world.back_up();
            world.append(30);
        }
        world
    }

    fn put(&self, key: &str, content: &str) {
        self.objects.put(key, content.as_bytes(), at(self.minute));
    }

    fn append(&mut self, count: u32) {
        for _ in 0..count {
            self.put(&segment_key(self.timeline, self.next), "segment");
            self.next += 1;
        }
    }

    fn back_up(&mut self) {
        let id = format!("{}", at(self.minute).format("%Y%m%dT%H%M%S"));
        if self.backups.iter().any(|(other, ..)| *other == id) {
            self.minute += 1;
            return self.back_up();
        }
        let (timeline, number) = (self.timeline, self.next);
        self.append(2);
        let name = |number: u32| {
            let key = segment_key(timeline, number);
            key.rsplit('/').next().unwrap().replace(".gz", "")
        };
        let info = BackupInfoText::new("DONE")
            .begun(at(self.minute), name(number))
            .ended(at(self.minute), name(number + 1))
            .with(
                "end_xlog",
                format!("{:X}/100", (number + 1) / SEGMENTS_PER_WAL_DIR),
            )
            .with("timeline", timeline)
            .with("xlog_segment_size", 1 << 30)
            .to_string();
        let wal_dir = segment_key(timeline, number).replace(".gz", ".00000028.backup.gz");
        self.put(&wal_dir, "label");
        self.put(&format!("p/s/base/{id}/data.tar.gz"), "data");
        self.put(&format!("p/s/base/{id}/backup.info"), &info);
        self.backups.push((id, timeline, number));
    }

    fn remove_where(&self, mut goes: impl FnMut(&str) -> bool) {
        for key in self.objects.keys().iter().filter(|key| goes(key)) {
            self.objects.remove(key);
        }
    }

    /// As Barman's deletion does: WAL whose name is below that of the next backup's first segment.
    fn retain(&mut self, at_once: bool) {
        if self.backups.len() < 2 {
            return;
        }
        let (id, ..) = self.backups.remove(0);
        let (_, timeline, number) = self.backups[0].clone();
        self.remove_where(|key| key.starts_with(&format!("p/s/base/{id}/")));
        self.going = segment_key(timeline, number);
        while at_once && self.go_on() {}
    }

    /// Deletes half of the WAL that is still to go; whether there was any.
    fn go_on(&mut self) -> bool {
        let is_going = |key: &&String| {
            let is_wal = key.starts_with("p/s/wals/0") && !key.contains(".history");
            is_wal && **key < self.going
        };
        let keys = self.objects.keys();
        let going: Vec<_> = keys.iter().filter(is_going).collect();
        for key in going.iter().take(going.len().div_ceil(2)) {
            self.objects.remove(key);
        }
        !going.is_empty()
    }

    fn nth_segment(&self, index: u16) -> Option<String> {
        let keys = self.objects.keys();
        let keys: Vec<_> = keys
            .iter()
            .filter(|key| key.starts_with("p/s/wals/") && key.contains(".gz"))
            .collect();
        keys.get(usize::from(index) % keys.len().max(1))
            .map(|key| (*key).clone())
    }

    fn apply(&mut self, deed: &Deed) {
        match deed {
            Deed::Append(count) => self.append(u32::from(*count)),
            Deed::Promote => self.promote(),
            Deed::BackUp => self.back_up(),
            Deed::Retain => self.retain(true),
            Deed::RetainSlowly => self.retain(false),
            Deed::NewServer => {
                self.servers += 1;
                let server = format!("p/s{}", "-x".repeat(self.servers as usize));
                self.put(
                    &format!("{server}/wals/0000000100000000/000000010000000000000001"),
                    "x",
                );
            }
            Deed::Lose(index) | Deed::Overwrite(index) | Deed::LoseWalDir(index) => {
                if let Some(key) = self.nth_segment(*index) {
                    self.damage(deed, &key);
                }
            }
            Deed::Litter(place) => self.litter(usize::from(*place)),
        }
    }

    fn promote(&mut self) {
        self.timeline += 1;
        let line = format!("{}\t{:X}/40000000\tx\n", self.timeline - 1, self.next / 4);
        self.put(&format!("p/s/wals/{:08X}.history", self.timeline), &line);
        self.append(1);
    }

    fn damage(&self, deed: &Deed, key: &str) {
        match deed {
            Deed::Lose(_) => self.objects.remove(key),
            Deed::LoseWalDir(_) => {
                let wal_dir = &key[..key.rfind('/').unwrap()];
                self.remove_where(|key| key.starts_with(wal_dir));
            }
            Deed::Append(_)
            | Deed::Promote
            | Deed::BackUp
            | Deed::Retain
            | Deed::RetainSlowly
            | Deed::NewServer
            | Deed::Overwrite(_)
            | Deed::Litter(_) => self.put(key, "another segment"),
        }
    }

    fn litter(&self, place: usize) {
        let places = [
            "p/notes.txt",
            "p//x",
            "p/other/x",
            "p/s/notes",
            "p/s/base/x",
            "p/s/wals/x",
            "p/s/wals/odd/x",
            "p/s/zzz/x",
            "p/s/",
            "p/s/wals/",
            "p/s/wals-old/x",
            "p/r/y",
        ];
        let key = places[place % places.len()];
        self.put(key, if key.ends_with('/') { "" } else { "litter" });
    }

    /// Returns the number of pages that were listed since the last call.
    fn take_pages(&self) -> u32 {
        u32::try_from(self.store.store.take_listings().len()).unwrap()
    }

    fn keys(&self) -> BTreeSet<String> {
        self.objects.keys().into_iter().collect()
    }

    fn scan(&self, scan: &mut ArchiveScan, full_scan_requests: u32) -> Report {
        self.try_scan(scan, full_scan_requests).unwrap()
    }

    fn try_scan(
        &self,
        scan: &mut ArchiveScan,
        full_scan_requests: u32,
    ) -> Result<Report, StorageError> {
        let expected = expecting_nothing();
        let limits = ScanLimits {
            page: PAGE,
            full_scan_requests,
            audit_period: Duration::from_mins(AUDIT_PERIOD.unsigned_abs()),
            ..limits()
        };
        let now = at(self.minute);
        let clock: Clock = Arc::new(move || now);
        let context = ScanContext {
            archive: "a",
            store: &self.store,
            prefix: "p/",
            limits,
            expected: &expected,
            contents: None,
            clock: &clock,
            started_at: now,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(scan.run(&context))
    }

    /// Report of a scan that lists everything, though with the limits of a rescan, and the pages it took.
    fn listed_anew(&self) -> (Report, u32) {
        self.take_pages();
        let report = self.scan(&mut ArchiveScan::default(), 0);
        (report, self.take_pages())
    }

    /// Report of a full scan now.
    fn truth(&self) -> Report {
        self.scan(&mut ArchiveScan::default(), u32::MAX)
    }
}

/// Compares reports, except for the age of their knowledge.
fn same(mut report: Report, truth: &Report) -> Result<(), TestCaseError> {
    report.audited_at = truth.audited_at;
    prop_assert_eq!(format!("{report:#?}"), format!("{truth:#?}"));
    Ok(())
}

fn deeds() -> impl Strategy<Value = Vec<Vec<Deed>>> {
    let deed = prop_oneof![
        5 => (1_u8..30).prop_map(Deed::Append),
        1 => Just(Deed::Promote),
        3 => Just(Deed::BackUp),
        1 => Just(Deed::Retain),
        2 => Just(Deed::RetainSlowly),
        1 => Just(Deed::NewServer),
        1 => any::<u16>().prop_map(Deed::Lose),
        1 => any::<u16>().prop_map(Deed::Overwrite),
        1 => any::<u16>().prop_map(Deed::LoseWalDir),
        1 => any::<u8>().prop_map(Deed::Litter),
    ];
    prop::collection::vec(prop::collection::vec(deed, 0..4), 1..12)
}

fn quirks() -> impl Strategy<Value = (Quirk, KeyOrder)> {
    prop_oneof![
        Just((Quirk::None, KeyOrder::Bytes)),
        Just((Quirk::None, KeyOrder::Parts)),
        Just((Quirk::KeepsEmptyDirectories, KeyOrder::Bytes)),
        Just((Quirk::KeepsEmptyDirectories, KeyOrder::Parts)),
        Just((Quirk::ShortPages, KeyOrder::Bytes)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn a_rescan_reports_what_a_full_scan_does(rounds in deeds(), (quirk, order) in quirks()) {
        let mut world = World::new(quirk, order);
        let mut scan = ArchiveScan::default();
        world.scan(&mut scan, 0);
        let (mut was_seen, mut has_met_empty) = (true, false);
        let mut all_before = world.listed_anew().1;
        for round in &rounds {
            world.minute += PAUSE;
            let before = world.keys();
            world.go_on();
            for deed in round {
                world.apply(deed);
                was_seen &= deed.is_seen_at_once(quirk);
            }
            world.take_pages();
            let report = world.scan(&mut scan, 0);
            let pages = world.take_pages();
            let (truth, all_pages) = world.listed_anew();
            if was_seen {
                same(report, &truth)?;
            }
            // The first listing that shows in which order a store lists may have to be done again, and
            // with pages of any size nothing can be planned.
            if order == KeyOrder::default() && quirk != Quirk::ShortPages {
                let has_lost = before.difference(&world.keys()).next().is_some();
                // It is planned by what was there the last time, and finds out on the way.
                let lost = all_pages.max(all_before) + ON_THE_WAY + world.servers;
                let expected = if has_lost { lost } else { all_pages };
                let empty = u32::try_from(world.objects.empty_directories().div_ceil(PAGE)).unwrap();
                let is_first_time = quirk == Quirk::KeepsEmptyDirectories && !has_met_empty;
                has_met_empty |= pages > expected;
                let allowed = expected + if is_first_time { 1 + empty } else { 0 };
                prop_assert!(pages <= allowed, "{pages} pages of {allowed}: {round:?}");
            }
            all_before = all_pages;
        }
        // Whatever happened, it is known after a period.
        let deadline = world.minute + AUDIT_PERIOD;
        let mut report = world.scan(&mut scan, 0);
        while world.minute < deadline {
            world.minute += PAUSE;
            report = world.scan(&mut scan, 0);
            prop_assert!(report.audited_at >= at(world.minute - AUDIT_PERIOD));
        }
        same(report, &world.truth())?;
    }
}

/// An archive that is known, and then lost a segment that no rescan looks for so soon.
fn with_a_loss() -> (World, ArchiveScan) {
    let mut world = World::new(Quirk::None, KeyOrder::Bytes);
    let mut scan = ArchiveScan::default();
    world.scan(&mut scan, 0);
    world.apply(&Deed::Lose(45));
    world.minute += PAUSE;
    (world, scan)
}

/// Pages that the next scan takes.
fn pages_of_a_scan(world: &World, scan: &mut ArchiveScan) -> u32 {
    world.take_pages();
    world.scan(scan, 0);
    world.take_pages()
}

#[test]
fn a_deletion_is_followed_for_an_hour_and_no_longer() {
    let mut world = World::new(Quirk::None, KeyOrder::Bytes);
    let mut scan = ArchiveScan::default();
    world.scan(&mut scan, 0);
    let before = pages_of_a_scan(&world, &mut scan);
    // The backup before it keeps the WAL from being deleted.
    let (id, ..) = world.backups.pop().unwrap();
    world.remove_where(|key| key.contains(&id));

    let pages: Vec<u32> = (0..6)
        .map(|_| {
            world.minute += 15;
            pages_of_a_scan(&world, &mut scan)
        })
        .collect();

    assert!(
        pages[..4].iter().all(|pages| *pages > 2 * before),
        "{before}, then {pages:?}"
    );
    assert!(pages[5] <= before, "{before}, then {pages:?}");
}

#[test]
fn after_a_failed_full_listing_everything_is_listed_again() {
    for fails_after in 0..20 {
        let (world, mut scan) = with_a_loss();
        world.store.fail_after(fails_after);

        world.try_scan(&mut scan, u32::MAX).unwrap_err();

        same(world.scan(&mut scan, 0), &world.truth()).unwrap();
    }
}

#[test]
fn a_rescan_that_failed_leaves_what_was_known() {
    let (world, mut scan) = with_a_loss();
    world.store.fail_after(3);

    world.try_scan(&mut scan, 0).unwrap_err();

    same(world.scan(&mut scan, 0), &world.truth()).unwrap_err();
}

#[test]
fn after_a_restart_everything_is_listed() {
    let (world, _) = with_a_loss();

    same(world.scan(&mut ArchiveScan::default(), 0), &world.truth()).unwrap();
}
