//! What a selection reads of an archive.

use archive_store::memory::MemoryStore;
use proptest::prelude::*;

use super::archive::{SEGMENT, backup, put_backup_of_wal};
use super::world::{World, put, settings, start};
use crate::assess::ServerTargets;
use crate::evidence::{Level, ServerEvidence};
use crate::verification::{
    BackupChoice, Budget, InvalidWalChoice, Job, Priority, SelectedContents, SelectedEnd,
    Selection, WalChoice,
};

fn newest() -> Selection {
    Selection {
        backups: BackupChoice::Newest,
        wal: WalChoice::New,
    }
}

fn with_wal(wal: &str) -> Selection {
    Selection {
        wal: wal.parse().unwrap(),
        ..newest()
    }
}

/// Archive with three segments of sound WAL behind a backup without readable data.
fn three_segments() -> MemoryStore {
    let store = MemoryStore::new(1000);
    for number in ["17", "18", "19"] {
        let file = format!("0000000100000000000000{number}.xz");
        put(
            &store,
            &format!("s/wals/0000000100000000/{file}"),
            &format!("wal/good/{file}"),
        );
    }
    put_backup_of_wal(&store);
    store
}

/// Archive in which something was selected.
struct Selected {
    world: World<MemoryStore>,
    targets: ServerTargets,
}

impl Selected {
    async fn new(store: MemoryStore, level: Level) -> Self {
        Self::of(World::new(store, settings(level))).await
    }

    async fn of(mut world: World<MemoryStore>) -> Self {
        world.scan().await;
        let targets = world.targets().servers["s"].clone();
        Self { world, targets }
    }

    fn select(&self, selection: &Selection) -> SelectedContents {
        let nothing = ServerEvidence::default();
        self.world.ledger.read(|evidence| {
            let evidence = evidence.server("s").unwrap_or(&nothing);
            selection.of_server("s", &self.targets, evidence)
        })
    }

    /// Carries out a selection, and returns the ends of its jobs.
    async fn read(&self, selection: &Selection) -> Vec<SelectedEnd> {
        let jobs = self.select(selection).jobs;
        let mut ends = Vec::new();
        let targets = self.world.targets();
        self.world
            .verifier()
            .run_selected(&targets, jobs, |_, end| ends.push(end))
            .await;
        ends
    }
}

fn kinds(selected: &SelectedContents) -> Vec<(Priority, &'static str)> {
    let kind = |job: &Job| match job {
        Job::WalEdges(_) => "all edges",
        Job::EdgesAgain { .. } => "edges",
        Job::BackupEdges(_) => "edges of a backup",
        Job::Walk { .. } => "walk",
        Job::Examine { .. } => "examine",
        Job::Backup(_) => "backup",
    };
    let jobs = selected.jobs.iter();
    jobs.map(|job| (job.priority, kind(&job.job))).collect()
}

#[tokio::test]
async fn a_backup_comes_with_its_own_wal_first() {
    let archive = Selected::new(backup("good"), Level::Full).await;

    let selected = archive.select(&newest());

    let expected = [
        (Priority::OwnWal, "walk"),
        (Priority::NewestBackup, "backup"),
    ];
    assert_eq!(kinds(&selected), expected);
    assert_eq!(selected.planned().objects, 2);
    assert_eq!(selected.planned().bytes, 62_072 + 26_344);
}

#[tokio::test]
async fn nothing_that_was_read_is_selected_to_be_read() {
    for level in [Level::Edges, Level::Wal, Level::Full] {
        let archive = Selected::new(backup("good"), level).await;
        let ends = archive.read(&newest()).await;

        let again = archive.select(&newest());

        assert!(ends.iter().all(|end| *end == SelectedEnd::Done), "{ends:?}");
        assert_eq!(kinds(&again), [], "{level:?}");
        assert_eq!(again.segments.values().next().unwrap().count(), 1);
    }
}

#[tokio::test]
async fn what_is_larger_than_the_rest_of_the_budget_is_left_out() {
    let budget = Budget::fixed(30_000, start());
    let world = World::with_budget(backup("good"), settings(Level::Full), budget);
    let archive = Selected::of(world).await;

    let ends = archive.read(&newest()).await;

    assert_eq!(ends, [SelectedEnd::Done, SelectedEnd::TooLarge]);
    assert_eq!(archive.world.statistics.counts().bytes, 26_344);
}

#[tokio::test]
async fn a_segment_that_was_walked_alone_is_joined_to_those_before() {
    let archive = Selected::new(three_segments(), Level::Wal).await;
    let last = "000000010000000000000019";
    archive.read(&with_wal(&format!("{last}..{last}"))).await;

    archive.read(&newest()).await;

    let runs = archive
        .world
        .ledger
        .read(|evidence| evidence.servers["s"].wal.runs.iter().count());
    assert_eq!(runs, 1);
    let left = kinds(&archive.select(&newest()));
    // What is suspect is looked at again.
    assert_eq!(left, [(Priority::NewestBackup, "edges of a backup")]);
}

#[tokio::test]
async fn a_range_has_what_lies_between_its_names() {
    let archive = Selected::new(three_segments(), Level::Wal).await;

    let range = "000000010000000000000018..000000010000000000000020";
    let selected = archive.select(&with_wal(range));
    let elsewhere = "000000020000000000000018..000000020000000000000020";
    let nothing = archive.select(&with_wal(elsewhere));

    assert_eq!((selected.in_range, selected.absent), (2, 7));
    assert!(with_wal(elsewhere).is_missed_by(&nothing));
    assert!(!with_wal(range).is_missed_by(&selected));
}

#[test]
fn a_choice_of_wal_is_a_word_or_a_range() {
    let name = |text: &str| barman_archive::postgres::SegmentName::parse(text).unwrap();

    assert_eq!("new".parse(), Ok(WalChoice::New));
    assert_eq!("all".parse(), Ok(WalChoice::All));
    assert_eq!(
        format!("{SEGMENT}..{SEGMENT}").parse(),
        Ok(WalChoice::Range {
            first: name(SEGMENT),
            last: name(SEGMENT)
        })
    );
    for text in [
        "",
        "newest",
        SEGMENT,
        "..",
        "000000010000000000000019..000000010000000000000018",
        "00000001000000000000001..000000010000000000000018",
    ] {
        assert_eq!(text.parse::<WalChoice>(), Err(InvalidWalChoice), "{text}");
    }
}

proptest! {
    #[test]
    fn no_choice_of_wal_makes_it_panic(text in "\\PC{0,60}|[0-9A-F]{24}\\.\\.[0-9A-F]{24}") {
        let _ = text.parse::<WalChoice>();
    }
}
