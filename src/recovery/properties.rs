//! Recovery by runs, against the same rules applied one segment at a time.

mod naive;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

use self::naive::{Backup, Judged, Name, Replayed, World};
use super::{
    Archived, ArchivedWal, BackupSpan, Candidate, Lineages, Need, NeededWal, Obstacle, Path,
    Replay, Verdict,
};
use crate::postgres::{Lsn, Runs, SegmentName, SegmentSize, TimelineHistory, TimelineId};

/// How a timeline comes to be, and what of it is archived.
#[derive(Clone, Debug)]
struct Branch {
    parent: prop::sample::Index,
    /// Where it leaves the parent: segments after the parent's beginning, quarters of a segment.
    leaves: (u64, u64),
    length: u64,
    holes: Vec<u64>,
    partial: Option<u64>,
    /// No file, an unreadable one, a file without its first line, a good one.
    file: u8,
    is_stray: bool,
}

#[derive(Clone, Debug)]
struct Taken {
    timeline: prop::sample::Index,
    /// Where a backup that ends on another timeline began.
    from: Option<prop::sample::Index>,
    begin: u64,
    length: u64,
    /// In which quarter of the last segment it ended, from its boundary; not said if above 3.
    quarter: u64,
    is_standalone: bool,
}

fn branch() -> impl Strategy<Value = Branch> {
    let holes = prop::collection::vec(0_u64..14, 0..3);
    let length = prop_oneof![1 => 0_u64..4, 4 => 4_u64..16];
    let file = prop_oneof![1 => Just(0_u8), 1 => Just(1), 1 => Just(2), 9 => Just(3)];
    let left = (any::<prop::sample::Index>(), (0_u64..7, 0_u64..4));
    let partial = prop::option::of(0_u64..10);
    (left, length, holes, partial, file, prop::bool::weighted(0.1)).prop_map(
        |((parent, leaves), length, holes, partial, file, is_stray)| Branch {
            parent,
            leaves,
            length,
            holes,
            partial,
            file,
            is_stray,
        },
    )
}

fn taken() -> impl Strategy<Value = Taken> {
    let from = prop::option::weighted(0.25, any::<prop::sample::Index>());
    let span = (0_u64..7, 0_u64..4, 0_u64..5);
    (any::<prop::sample::Index>(), from, span, prop::bool::weighted(0.2)).prop_map(
        |(timeline, from, (begin, length, quarter), is_standalone)| Taken {
            timeline,
            from,
            begin,
            length,
            quarter,
            is_standalone,
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    let branches = prop::collection::vec(branch(), 1..7);
    let backups = prop::collection::vec(taken(), 0..6);
    (20_u32..=30, prop_oneof![4 => Just(1_u32), 1 => Just(3)], branches, backups).prop_map(
        |(exponent, first_timeline, branches, backups)| {
            let mut world = World { segment_bytes: 1 << exponent, ..World::default() };
            let trunk = grow(&mut world, first_timeline, &branches);
            world.backups = backups.iter().map(|one| take(one, &trunk, &world)).collect();
            world
        },
    )
}

/// A timeline: its number, where it begins, and all its ancestors.
struct Grown(u32, u64, Vec<(u32, u64)>);

fn grow(world: &mut World, first_timeline: u32, branches: &[Branch]) -> Vec<Grown> {
    let bytes = world.segment_bytes;
    // Just below the end of a log.
    let base = 3 * ((1 << 32) / bytes) - 5;
    let mut grown: Vec<Grown> = Vec::new();
    for (timeline, branch) in (first_timeline..).zip(branches) {
        let (begins_at, lines) = if grown.is_empty() {
            (base * bytes, Vec::new())
        } else {
            let Grown(parent, parent_begins_at, lines) = branch.parent.get(&grown);
            let (segments, quarters) = branch.leaves;
            let at = (parent_begins_at / bytes + segments) * bytes + quarters * bytes / 4;
            let at = at.max(*parent_begins_at);
            (at, lines.iter().copied().chain([(*parent, at)]).collect::<Vec<_>>())
        };
        let first = begins_at / bytes;
        let numbers = (0..branch.length).filter(|number| !branch.holes.contains(number));
        world.segments.extend(numbers.map(|number| (timeline, first + number)));
        world.partials.extend(branch.partial.map(|number| (timeline, first + number)));
        add_file(world, timeline, branch, &lines);
        grown.push(Grown(timeline, begins_at, lines));
    }
    grown
}

fn add_file(world: &mut World, timeline: u32, branch: &Branch, lines: &[(u32, u64)]) {
    if branch.file == 0 || lines.is_empty() {
        return;
    }
    world.listed.insert(timeline);
    let from = usize::from(branch.file == 2 && lines.len() > 1);
    if branch.file > 1 {
        world.files.insert(timeline, lines[from..].to_vec());
        if branch.is_stray {
            world.stray.insert(timeline);
        }
    }
}

fn take(taken: &Taken, grown: &[Grown], world: &World) -> Backup {
    let bytes = world.segment_bytes;
    let Grown(timeline, begins_at, lines) = taken.timeline.get(grown);
    let own_first = begins_at / bytes;
    let (begin, end) = match taken.from {
        None => ((*timeline, own_first + taken.begin), own_first + taken.begin + taken.length),
        // Of two that are no relations a backup would be nonsense, and is to be seen as such.
        Some(from) if lines.is_empty() => ((from.get(grown).0, own_first), own_first + 1),
        Some(from) => {
            let (from, left_at) = from.get(lines);
            ((*from, left_at / bytes - taken.begin % 4), own_first + taken.length)
        }
    };
    let quarter = if begin.1 == end { taken.quarter.max(1) } else { taken.quarter };
    let end_lsn = (quarter <= 3).then(|| end * bytes + quarter * bytes / 4);
    let is_standalone = taken.is_standalone;
    Backup { begin, end: (*timeline, end), end_lsn, is_standalone }
}

fn size(world: &World) -> SegmentSize {
    SegmentSize::new(world.segment_bytes).unwrap()
}

fn segment(world: &World, (timeline, number): Name) -> SegmentName {
    SegmentName::from_number(TimelineId(timeline), number, size(world))
}

fn archived(world: &World) -> Archived {
    let mut segments: BTreeMap<TimelineId, Runs> = BTreeMap::new();
    for (timeline, number) in &world.segments {
        segments.entry(TimelineId(*timeline)).or_default().insert(*number);
    }
    let partials = world.partials.iter().map(|(timeline, number)| (TimelineId(*timeline), *number));
    let wal = ArchivedWal { size: size(world), segments, partials: partials.collect() };
    let histories = world.files.iter().map(|(timeline, lines)| {
        let lines = lines.iter().map(|(parent, at)| format!("{parent}\t{}\tx\n", Lsn(*at)));
        let timeline = TimelineId(*timeline);
        let text = lines.collect::<String>();
        (timeline, TimelineHistory::parse(timeline, text.as_bytes()).unwrap())
    });
    let ids = |numbers: &BTreeSet<u32>| numbers.iter().copied().map(TimelineId).collect();
    Archived {
        wal,
        lineages: Lineages::new(histories.collect()),
        listed_histories: ids(&world.listed),
        stray: ids(&world.stray),
    }
}

fn span(world: &World, backup: &Backup) -> BackupSpan {
    BackupSpan {
        begin: segment(world, backup.begin),
        end: segment(world, backup.end),
        end_lsn: backup.end_lsn.map(Lsn),
    }
}

fn need(backup: &Backup) -> Need {
    if backup.is_standalone { Need::JustItself } else { Need::EverythingAfter }
}

fn candidates(world: &World) -> Vec<Candidate> {
    let numbered = (0_i32..).zip(&world.backups);
    let candidate = |(number, backup): (i32, &Backup)| Candidate {
        id: number.to_string(),
        span: span(world, backup),
        need: need(backup),
        ended_at: DateTime::UNIX_EPOCH + TimeDelta::hours(i64::from(number)),
    };
    numbered.map(candidate).collect()
}

fn replay(world: &World, replayed: &Replayed) -> Replay {
    let name = |name: Option<Name>| name.map(|name| segment(world, name));
    Replay {
        last: name(replayed.last),
        first_missing: name(replayed.missing),
        then_partial: name(replayed.partial),
    }
}

fn verdict(world: &World, judged: &Judged) -> Verdict {
    let obstacle = |why: &Result<Name, Obstacle>| match why {
        Ok(missing) => Obstacle::MissingSegment(segment(world, *missing)),
        Err(obstacle) => *obstacle,
    };
    match judged {
        Judged::Recoverable => Verdict::Recoverable,
        Judged::Waiting(missing) => Verdict::Waiting(segment(world, *missing)),
        Judged::Consistent(why) => Verdict::Consistent(obstacle(why)),
        Judged::Broken(why) => Verdict::Broken(obstacle(why)),
    }
}

fn names(runs: &BTreeMap<TimelineId, Runs>) -> BTreeSet<Name> {
    let each = runs.iter().flat_map(|(timeline, runs)| {
        let numbers = runs.iter().flat_map(|run| run.first..=run.last);
        numbers.map(|number| (timeline.0, number))
    });
    each.collect()
}

/// Every timeline that a world can have, and one that it has not.
const TIMELINES: std::ops::RangeInclusive<u32> = 1..=10;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_path_is_the_chain_that_is_read_one_segment_at_a_time(world in world()) {
        let archived = archived(&world);
        for backup in &world.backups {
            for target in TIMELINES {
                let span = span(&world, backup);
                let found = Path::find(&span, TimelineId(target), &archived.lineages, &archived.wal);
                let chain = world.chain(backup, target);
                prop_assert_eq!(found.as_ref().err(), chain.as_ref().err());
                if let (Ok(path), Ok(chain)) = (found, chain) {
                    let replayed = replay(&world, &world.replay(&chain));
                    prop_assert_eq!(path.replay(&archived.wal), replayed, "{:?} to {}", backup, target);
                }
            }
        }
    }

    #[test]
    fn every_backup_is_judged_as_one_segment_at_a_time(world in world()) {
        let archived = archived(&world);
        let judged = archived.judge(&candidates(&world));
        prop_assert_eq!(judged.current_timeline.map(|timeline| timeline.0), world.current());
        for (number, backup) in world.backups.iter().enumerate() {
            let found = &judged.backups[&number.to_string()];
            prop_assert_eq!(&found.verdict, &verdict(&world, &world.judge(backup)), "{:?}", backup);
            let reach = world.reach(backup);
            prop_assert_eq!(found.reach, reach.map(|name| segment(&world, name)), "{:?}", backup);
            let follow = world.follow(backup);
            let follow = follow.iter().map(|(timeline, one)| (TimelineId(*timeline), replay(&world, one)));
            prop_assert_eq!(&found.follow, &follow.collect(), "{:?}", backup);
            let latest = world.latest(backup);
            prop_assert_eq!(found.default_target, TimelineId(latest));
            let works = world.way(backup, latest).is_ok_and(|chain| world.replay(&chain).last == reach);
            prop_assert_eq!(found.default_target_works, works, "{:?}", backup);
        }
        prop_assert_eq!(names(&judged.gaps), world.gaps());
    }

    #[test]
    fn what_is_needed_is_what_some_backup_reads(world in world(), from in 0_u64..30, length in 0_u64..9) {
        let archived = archived(&world);
        let backups = world.backups.iter().map(|backup| (span(&world, backup), need(backup)));
        let backups = backups.collect::<Vec<_>>();
        let needed = NeededWal::of(&backups, &archived.lineages, &archived.wal);
        let from = 3 * ((1 << 32) / world.segment_bytes) - 7 + from;
        for timeline in TIMELINES {
            let naive = (from..=from + length).filter(|number| world.is_needed((timeline, *number)));
            let naive = naive.collect::<BTreeSet<_>>();
            let timeline = TimelineId(timeline);
            for number in from..=from + length {
                prop_assert_eq!(needed.contains(timeline, number), naive.contains(&number));
            }
            prop_assert_eq!(needed.any(timeline, from, from + length), !naive.is_empty());
            let not_needed = needed.not_needed(timeline, from, from + length);
            let not_needed = not_needed.iter().flat_map(|run| run.first..=run.last);
            let naive_not = (from..=from + length).filter(|number| !naive.contains(number));
            prop_assert!(not_needed.eq(naive_not));
        }
    }
}
