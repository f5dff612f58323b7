//! Property tests of recovery by runs, against `PostgreSQL`'s own rules applied to one quarter of a
//! segment at a time.

mod naive;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

use self::naive::{Backup, Damage, File, Line, Name, Quarter, Wish, World, segment_of};
use super::{
    Archived, ArchivedWal, BackupSpan, Candidate, CorruptSegment, Histories, HistoryFile, Obstacle,
    RequiredWal, RequiringBackup, SegmentSets, Target, Verdict, WalRequirement,
};
use crate::barman::BackupOrigin;
use crate::postgres::{Lsn, SegmentName, SegmentSize, TimelineHistory, TimelineId};

/// Origin of a timeline, and the part of it that is archived.
#[derive(Clone, Debug)]
struct Branch {
    /// Target timeline of the recovery that started it.
    target: prop::sample::Index,
    /// Start of the timeline: quarters after the start of the oldest one.
    begins: u64,
    /// Number of quarters that it wrote.
    length: u64,
    holes: Vec<u64>,
    wrong_size: Option<u64>,
    corrupt: Option<(u64, u64, bool)>,
    has_partial: bool,
    file: File,
    arrival: i64,
}

#[derive(Clone, Debug)]
struct Taken {
    timeline: prop::sample::Index,
    /// Start of the backup: quarters after the start of the timeline; negative for a backup that a
    /// standby took across the switch.
    begins: i64,
    length: u64,
    is_from_standby: bool,
    is_standalone: bool,
}

fn branch() -> impl Strategy<Value = Branch> {
    let file = prop_oneof![
        1 => Just(File::Missing),
        1 => Just(File::Invalid),
        1 => Just(File::NotServed),
        1 => Just(File::Empty),
        12 => Just(File::Valid),
    ];
    let length = prop_oneof![1 => 0_u64..6, 4 => 6_u64..50];
    let damage = (
        prop::collection::vec(0_u64..12, 0..3),
        prop::option::weighted(0.15, 0_u64..12),
        prop::option::weighted(0.3, (0_u64..12, 0_u64..4, any::<bool>())),
        prop::bool::weighted(0.8),
    );
    (
        any::<prop::sample::Index>(),
        0_u64..60,
        length,
        damage,
        file,
        0_i64..5,
    )
        .prop_map(|(target, begins, length, damage, file, arrival)| {
            let (holes, wrong_size, corrupt, has_partial) = damage;
            Branch {
                target,
                begins,
                length,
                holes,
                wrong_size,
                corrupt,
                has_partial,
                file,
                arrival,
            }
        })
}

fn taken() -> impl Strategy<Value = Taken> {
    let kind = (any::<bool>(), prop::bool::weighted(0.2));
    (any::<prop::sample::Index>(), -4_i64..24, 1_u64..14, kind).prop_map(
        |(timeline, begins, length, (is_from_standby, is_standalone))| Taken {
            timeline,
            begins,
            length,
            is_from_standby,
            is_standalone,
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    let branches = prop::collection::vec(branch(), 1..7);
    let backups = prop::collection::vec(taken(), 0..5);
    let first = prop_oneof![4 => Just(1_u32), 1 => Just(3)];
    (20_u32..=30, first, branches, backups).prop_map(
        |(exponent, first_timeline, branches, backups)| {
            let mut world = World {
                segment_bytes: 1 << exponent,
                ..World::default()
            };
            let written = grow(&mut world, first_timeline, &branches);
            world.backups = backups
                .iter()
                .filter_map(|taken| take(taken, &world, &written))
                .collect();
            world
        },
    )
}

/// Grows timelines one after the other; returns the first position that each did not write.
fn grow(world: &mut World, first: u32, branches: &[Branch]) -> BTreeMap<u32, Quarter> {
    // Just below the end of a WAL directory.
    let base = 4 * (3 * ((1 << 32) / world.segment_bytes) - 5);
    let mut written: BTreeMap<u32, Quarter> = BTreeMap::new();
    for (timeline, branch) in (first..).zip(branches) {
        let known: Vec<u32> = world.lines.keys().copied().collect();
        let line = if known.is_empty() {
            Line {
                file: Vec::new(),
                begins_at: base,
                goes_on_from: None,
            }
        } else {
            descend(
                world,
                *branch.target.get(&known),
                base + 1 + branch.begins,
                &written,
            )
        };
        written.insert(timeline, line.begins_at + branch.length);
        archive(world, timeline, &line, branch);
        world.lines.insert(timeline, line);
    }
    written
}

/// Returns the timeline that recovery towards `target` starts at a position, or where the target's
/// WAL ends.
fn descend(world: &World, target: u32, wished: Quarter, written: &BTreeMap<u32, Quarter>) -> Line {
    let begins_at = wished
        .min(written[&target])
        .max(world.lines.values().next().unwrap().begins_at + 1);
    let mut on = target;
    while begins_at <= world.lines[&on].begins_at
        && let Some(before) = world.lines[&on].goes_on_from
    {
        on = before;
    }
    let mut file = world.lines[&target].file.clone();
    file.push((target, begins_at));
    Line {
        file,
        begins_at,
        goes_on_from: Some(on),
    }
}

fn archive(world: &mut World, timeline: u32, line: &Line, branch: &Branch) {
    let first = segment_of(line.begins_at);
    let end = segment_of(line.begins_at + branch.length);
    for number in (first..end).filter(|number| !branch.holes.contains(&(number - first))) {
        if branch.wrong_size == Some(number - first) {
            world.wrong_sizes.insert((timeline, number));
        } else if let Some((_, quarter, is_sound_after)) = branch
            .corrupt
            .filter(|(corrupt, _, _)| *corrupt == number - first)
        {
            let damage = Damage {
                at: 4 * number + quarter,
                is_sound_after,
            };
            world.corrupt.insert((timeline, number), damage);
        } else {
            world.segments.insert((timeline, number));
        }
    }
    world.arrivals.insert(timeline, branch.arrival);
    let Some(parent) = line.goes_on_from else {
        return;
    };
    world.files.insert(timeline, branch.file);
    // A promoted server leaves a partial copy of its parent's last segment: all that its parent
    // wrote. Without a history file that shows the switch, nobody could know where the partial
    // segment ends.
    let name = (parent, segment_of(line.begins_at));
    let is_inside = !line.begins_at.is_multiple_of(4);
    let is_known =
        branch.file == File::Valid && line.file.last().is_some_and(|last| last.0 == parent);
    let others = world
        .lines
        .values()
        .filter(|other| other.goes_on_from == Some(parent));
    let mut others = others.filter(|other| segment_of(other.begins_at) == name.1);
    let is_first = others
        .clone()
        .all(|other| other.begins_at <= line.begins_at);
    let is_whole = world.segments.contains(&name)
        || world.wrong_sizes.contains(&name)
        || world.corrupt.contains_key(&name);
    if branch.has_partial && is_inside && is_known && is_first && !is_whole {
        world.partials.insert(name, line.begins_at);
    } else if others.next().is_some() && is_first {
        world.partials.remove(&name);
    }
}

fn take(taken: &Taken, world: &World, written: &BTreeMap<u32, Quarter>) -> Option<Backup> {
    let timelines: Vec<u32> = world.lines.keys().copied().collect();
    let timeline = *taken.timeline.get(&timelines);
    let line = &world.lines[&timeline];
    let mut begin_timeline = timeline;
    let mut begins = taken.begins;
    if begins < 0 && (!taken.is_from_standby || line.goes_on_from.is_none()) {
        begins = -begins;
    }
    let checkpoint = line.begins_at.checked_add_signed(begins)?;
    if begins < 0 {
        begin_timeline = line.goes_on_from?;
        if checkpoint < world.lines[&begin_timeline].begins_at {
            return None;
        }
    }
    let end = (checkpoint + taken.length).max(line.begins_at + 1);
    // A backup cannot hold what was not written.
    (end <= written[&timeline]).then_some(Backup {
        begin_timeline,
        checkpoint,
        end_timeline: timeline,
        end,
        is_from_standby: taken.is_from_standby,
        is_standalone: taken.is_standalone,
    })
}

fn size(world: &World) -> SegmentSize {
    SegmentSize::new(world.segment_bytes).unwrap()
}

fn lsn(world: &World, position: Quarter) -> Lsn {
    Lsn(position * (world.segment_bytes / 4))
}

fn segment(world: &World, (timeline, number): Name) -> SegmentName {
    SegmentName::from_number(TimelineId(timeline), number, size(world))
}

fn sets(names: &BTreeSet<Name>) -> SegmentSets {
    let mut sets = SegmentSets::new();
    for (timeline, number) in names {
        sets.entry(TimelineId(*timeline))
            .or_default()
            .insert(*number);
    }
    sets
}

fn archived(world: &World) -> Archived {
    let partials = world
        .partials
        .keys()
        .map(|(timeline, number)| (TimelineId(*timeline), *number));
    let mut wal = ArchivedWal {
        size: size(world),
        segments: sets(&world.segments),
        wrong_size: sets(&world.wrong_sizes),
        partials: partials.collect(),
        ..ArchivedWal::default()
    };
    for ((timeline, number), damage) in &world.corrupt {
        let timeline = TimelineId(*timeline);
        wal.segments.entry(timeline).or_default().insert(*number);
        let corrupt = CorruptSegment {
            ends_at: lsn(world, damage.at),
            sound_from: damage.is_sound_after.then_some(lsn(world, damage.at + 1)),
        };
        wal.mark_corrupt(timeline, *number, corrupt);
    }
    let listed = world
        .files
        .iter()
        .filter(|(_, file)| **file != File::Missing);
    let files = listed.map(|(timeline, file)| {
        let timeline = TimelineId(*timeline);
        let lines = world.lines[&timeline.0].file.iter();
        let lines = lines.map(|(parent, at)| format!("{parent}\t{}\tx\n", lsn(world, *at)));
        let text = if *file == File::Valid {
            lines.collect::<String>()
        } else {
            String::new()
        };
        let read = match file {
            File::Invalid => HistoryFile::Invalid,
            File::NotServed => HistoryFile::NotDecompressible,
            File::Valid | File::Empty | File::Missing => {
                HistoryFile::Readable(TimelineHistory::parse(timeline, text.as_bytes()).unwrap())
            }
        };
        (timeline, read)
    });
    let arrivals = world.arrivals.iter().map(|(timeline, hour)| {
        (
            TimelineId(*timeline),
            DateTime::UNIX_EPOCH + TimeDelta::hours(*hour),
        )
    });
    Archived {
        wal,
        histories: Arc::new(Histories::new(files.collect())),
        last_arrivals: arrivals.collect(),
        living_timeline: None,
    }
}

fn span(world: &World, backup: &Backup) -> BackupSpan {
    BackupSpan {
        begin: segment(
            world,
            (backup.begin_timeline, segment_of(backup.checkpoint)),
        ),
        begin_lsn: Some(lsn(world, backup.checkpoint)),
        end: segment(world, (backup.end_timeline, segment_of(backup.end))),
        end_lsn: Some(lsn(world, backup.end)),
        checkpoint: Some(lsn(world, backup.checkpoint)),
        origin: if backup.is_from_standby {
            BackupOrigin::Standby
        } else {
            BackupOrigin::Primary
        },
    }
}

fn requirement(backup: &Backup) -> WalRequirement {
    if backup.is_standalone {
        WalRequirement::Consistency
    } else {
        WalRequirement::Recovery
    }
}

fn candidates(world: &World) -> Vec<Candidate> {
    let numbered = (0_i32..).zip(&world.backups);
    let candidate = |(number, backup): (i32, &Backup)| Candidate {
        id: number.to_string(),
        span: span(world, backup),
        requirement: requirement(backup),
        ended_at: DateTime::UNIX_EPOCH + TimeDelta::hours(i64::from(number)),
        broken_parent: None,
        has_corrupt_data: false,
        has_cold_data: false,
    };
    numbered.map(candidate).collect()
}

fn wish(target: Target) -> Wish {
    match target {
        Target::Timeline(timeline) => Wish::Number(timeline.0),
        Target::Current => Wish::Current,
        Target::Latest => Wish::Latest,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_target_is_followed_as_postgresql_does(world in world()) {
        let judged = archived(&world).judge(&candidates(&world));
        for (number, backup) in world.backups.iter().enumerate() {
            let found = &judged.backups[&number.to_string()];
            let wishes: Vec<Wish> =
                found.follow.iter().map(|followed| wish(followed.target)).collect();
            prop_assert_eq!(&wishes, &world.wishes());
            for followed in &found.follow {
                let wish = wish(followed.target);
                let outcome = world.restore(backup, wish);
                let comes_up = outcome.as_ref().is_some_and(|outcome| outcome.comes_up);
                prop_assert_eq!(followed.timeline.0, world.target(backup, wish).0);
                prop_assert_eq!(followed.works(), comes_up, "{:?} to {:?}: {:?}", backup, wish, followed);
                prop_assert_eq!(followed.replay.is_some(), outcome.is_some(), "{:?} to {:?}", backup, wish);
                let (Some(replay), Some(outcome)) = (followed.replay, outcome) else { continue };
                let name = |name: Option<Name>| name.map(|name| segment(&world, name));
                prop_assert_eq!(replay.last, name(outcome.last), "{:?} to {:?}", backup, wish);
                prop_assert_eq!(replay.first_missing, name(outcome.first_missing), "{:?} to {:?}", backup, wish);
                if comes_up {
                    prop_assert_eq!(replay.ends_in, name(outcome.ends_in), "{:?} to {:?}", backup, wish);
                }
            }
        }
    }

    #[test]
    fn verdicts_say_what_restores_would_show(world in world()) {
        let judged = archived(&world).judge(&candidates(&world));
        for (number, backup) in world.backups.iter().enumerate() {
            let found = &judged.backups[&number.to_string()];
            let is_restorable = matches!(found.verdict, Verdict::Recoverable | Verdict::Consistent(_));
            prop_assert_eq!(is_restorable, world.is_restorable(backup), "{:?}: {:?}", backup, found);
            let default = world.restore(backup, Wish::Latest);
            if found.default_target_works {
                prop_assert!(default.as_ref().is_some_and(|outcome| outcome.comes_up));
            }
            if let Some(target) = found.works_with {
                let outcome = world.restore(backup, wish(target)).unwrap();
                prop_assert!(outcome.is_consistent);
                if found.verdict == Verdict::Recoverable {
                    let current = judged.current_timeline.unwrap();
                    let last = archived(&world).wal.last(current).unwrap();
                    prop_assert_eq!(outcome.last, Some((current.0, last)));
                    let number = |name: Option<Name>| name.map(|(_, number)| number);
                    let as_far = default.is_some_and(|default| {
                        let goes_beyond = default.last == outcome.last
                            && number(default.ends_in) >= number(outcome.ends_in);
                        default.comes_up && (default.ends_in == outcome.ends_in || goes_beyond)
                    });
                    prop_assert_eq!(found.default_target_works, as_far);
                }
            }
            if let Verdict::Waiting(missing) = found.verdict {
                let present = world.segments.iter().chain(world.wrong_sizes.iter()).chain(world.corrupt.keys()).chain(world.partials.keys());
                let later = present.clone().filter(|(timeline, number)| {
                    *timeline == missing.timeline.0 && Some(*number) >= missing.number(size(&world))
                });
                prop_assert_eq!(later.count(), 0, "{:?} waits for {}", backup, missing);
            }
        }
    }

    #[test]
    fn gaps_are_what_is_missing_on_a_way(world in world()) {
        let archived = archived(&world);
        let judged = archived.judge(&candidates(&world));
        let current = judged.current_timeline;
        let mut wanted = BTreeSet::new();
        for (number, backup) in world.backups.iter().enumerate() {
            let found = &judged.backups[&number.to_string()];
            let last = current.and_then(|current| archived.wal.last(current));
            if let Some(last) = last.filter(|_| !backup.is_standalone) {
                let to_current =
                    found.follow.iter().filter(|followed| Some(followed.timeline) == current);
                let ways = to_current
                    .filter_map(|followed| world.way(backup, wish(followed.target), last));
                wanted.extend(ways.take(1).flatten());
            }
            let is_lost = matches!(
                found.verdict,
                Verdict::Broken(
                    Obstacle::MissingSegment(_)
                        | Obstacle::WrongSize(_)
                        | Obstacle::CorruptSegment { .. }
                )
            );
            if is_lost {
                let own = found.follow.iter().filter(|followed| followed.replay.is_some());
                let (on_own, others): (Vec<_>, Vec<_>) =
                    own.partition(|followed| followed.timeline.0 == backup.end_timeline);
                let last = *World::own(backup).end();
                let ways = on_own.into_iter().chain(others).map(|followed| {
                    world
                        .way(backup, wish(followed.target), last)
                        .unwrap()
                        .into_iter()
                        .collect::<BTreeSet<_>>()
                });
                wanted.extend(ways.min_by_key(|way| way.difference(&world.segments).count()).unwrap());
            }
        }
        let mut missing: BTreeSet<Name> = wanted.difference(&world.segments).copied().collect();
        missing.retain(|name| !world.corrupt.contains_key(name));
        prop_assert_eq!(judged.gaps, sets(&missing));
    }

    #[test]
    fn nothing_that_a_restore_reads_is_obsolete(world in world()) {
        let archived = archived(&world);
        let backups = world.backups.iter().map(|backup| RequiringBackup {
            span: span(&world, backup),
            requirement: requirement(backup),
        });
        let needed = RequiredWal::of(&backups.collect::<Vec<_>>(), &archived.histories, &archived.wal);
        for name in world.segments.iter().chain(&world.wrong_sizes).chain(world.corrupt.keys()) {
            if world.is_read(*name) {
                prop_assert!(needed.contains(TimelineId(name.0), name.1), "{:?}", name);
            }
        }
    }
}
