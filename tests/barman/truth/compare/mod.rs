//! Comparison of the program's report on a case with real restores. PostgreSQL is right.

mod said;
#[cfg(test)]
mod tests;
mod way;

use std::fmt::{Display, Write};

use serde_json::Value;

use self::said::Said;
use self::way::Way;
use crate::truth::case::{Case, Restore, TakenBackup, Target, Wal};
use crate::truth::wal::Segment;

/// Returns one line for each difference between the report and the restores.
pub(crate) fn differences(case: &Case, server: &Value) -> Vec<String> {
    let mut comparison = Comparison {
        case,
        server,
        wal: case.wal(),
        found: Vec::new(),
    };
    for backup in &case.backups {
        comparison.about_backup(backup);
    }
    comparison.about_gaps();
    comparison.about_obsolete_wal();
    comparison.found
}

struct Comparison<'a> {
    case: &'a Case,
    /// Report on the server.
    server: &'a Value,
    wal: Wal<'a>,
    found: Vec<String>,
}

/// Restore with the data that it is compared with.
struct Pair<'a> {
    backup: &'a TakenBackup,
    restore: &'a Restore,
    way: Way,
}

impl<'a> Comparison<'a> {
    fn about_backup(&mut self, backup: &'a TakenBackup) {
        let Some(said) = backup_of(self.server, &backup.id) else {
            self.differ(backup, "any", "nothing", "it is there");
            return;
        };
        let pairs = self.pairs(backup);
        for pair in &pairs {
            match Said::read(said, pair.restore.target) {
                Some(said) => self.about_target(pair, &said),
                // A timeline that does not occur in this life needs no entry.
                None if !pair.restore.came_up && !self.occurs(pair.restore.target, backup) => {}
                None => self.differ(backup, pair.restore.target, "nothing", real(pair)),
            }
        }
        self.about_verdict(backup, said, &pairs);
        self.about_default(backup, said, &pairs);
    }

    fn pairs(&self, backup: &'a TakenBackup) -> Vec<Pair<'a>> {
        let restores = self
            .case
            .restores
            .iter()
            .filter(|restore| restore.backup == backup.id);
        let pair = |restore| {
            let mut way = Way::of(restore, backup.first.number);
            // PostgreSQL reads nothing in it: it continues no segment.
            let is_of_other =
                |partial: &mut Segment| self.wal.is_partial_of_other(*partial, backup.system);
            way.foreign = way.foreign.or_else(|| way.partial.take_if(is_of_other));
            Pair {
                backup,
                restore,
                way,
            }
        };
        restores.map(pair).collect()
    }

    fn occurs(&self, target: Target, backup: &TakenBackup) -> bool {
        let Target::Timeline(timeline) = target else {
            return true;
        };
        let has_one_life = self
            .case
            .backups
            .iter()
            .all(|other| other.system == backup.system);
        let is_written = self.wal.newest(timeline, backup.system).is_some();
        self.case.timelines().contains(&timeline) && (has_one_life || is_written)
    }

    /// Compares the reported reach of the backup with a target.
    fn about_target(&mut self, pair: &Pair<'_>, said: &Said) {
        let (backup, restore, way) = (pair.backup, pair.restore, &pair.way);
        let target = restore.target;
        if said.works != restore.came_up {
            self.differ(backup, target, format!("works: {}", said.works), real(pair));
        }
        if !said.works || !restore.came_up {
            return;
        }
        if said.timeline != restore.timeline.map(u64::from) {
            let said = format!("timeline {:?}", said.timeline);
            self.differ(
                backup,
                target,
                said,
                format!("timeline {:?}", restore.timeline),
            );
        }
        if said.last != way.last {
            self.differ(
                backup,
                target,
                format!("last {}", named(said.last)),
                real(pair),
            );
        }
        if said.partial != way.partial {
            let said = format!("then partial {}", named(said.partial));
            self.differ(backup, target, said, real(pair));
        }
        if !self.allowed_missing(pair).contains(&said.missing) {
            let said = format!("first missing {}", named(said.missing));
            self.differ(backup, target, said, real(pair));
        }
        if said.complete != said.missing.is_none() {
            self.differ(
                backup,
                target,
                format!("complete: {}", said.complete),
                real(pair),
            );
        }
    }

    /// Returns the allowed values of the first missing segment: none if the last segment of the
    /// target timeline was reached, either if that timeline has no segment. A segment of another
    /// life counts as missing.
    fn allowed_missing(&self, pair: &Pair<'_>) -> Vec<Option<Segment>> {
        let missing = pair.way.missing.or(pair.way.foreign);
        match self.end(pair) {
            None => vec![None, missing],
            // A backup shows that segments after the last one were lost.
            Some(end) if pair.way.last == Some(end) && self.is_exceeded(end) => vec![None, missing],
            Some(end) if pair.way.last == Some(end) => vec![None, pair.way.foreign],
            Some(_) => vec![missing],
        }
    }

    /// Last segment of the timeline that a restore recovered to.
    fn end(&self, pair: &Pair<'_>) -> Option<Segment> {
        self.wal.newest(pair.restore.timeline?, pair.backup.system)
    }

    /// Returns whether something shows that a timeline went on after a segment: a backup that
    /// started or ended there, or an object of a size that no segment has.
    fn is_exceeded(&self, end: Segment) -> bool {
        let ends = self
            .case
            .backups
            .iter()
            .flat_map(|backup| [backup.first, backup.last]);
        let is_behind = |segment: Segment| segment.timeline == end.timeline && segment > end;
        ends.into_iter().any(is_behind) || self.wal.has_wrong_size_behind(end)
    }

    /// Compares the verdict on the backup.
    fn about_verdict(&mut self, backup: &TakenBackup, said: &Value, pairs: &[Pair<'_>]) {
        let came_up = pairs.iter().any(|pair| is_restorable(pair.restore));
        let real = format!("some target works: {came_up}");
        if said.get("restorable").and_then(Value::as_bool) != Some(came_up) {
            let said = format!("restorable: {}", field(said, "restorable"));
            self.differ(backup, "any", said, &real);
        }
        let verdict = said
            .get("verdict")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if ["recoverable", "consistent"].contains(&verdict) != came_up {
            self.differ(backup, "any", format!("verdict {verdict}"), &real);
        }
        let Some(newest) = self
            .newest_of_life(backup)
            .filter(|newest| !self.is_exceeded(*newest))
        else {
            return;
        };
        let reaches = pairs
            .iter()
            .any(|pair| pair.restore.came_up && pair.way.last == Some(newest));
        let obstacle = said
            .pointer("/obstacle/kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        // If a history is unknown, nobody knows whether the current line goes on.
        let may_differ = reaches && obstacle.contains("history");
        if (verdict == "recoverable") != reaches && !may_differ {
            let real = format!("{newest} is reached: {reaches}");
            self.differ(backup, "any", format!("verdict {verdict}"), real);
        }
    }

    /// Newest segment of the current timeline; `None` for a backup of another life than the current
    /// one.
    fn newest_of_life(&self, backup: &TakenBackup) -> Option<Segment> {
        let living = self.case.backups.last()?.system;
        let current = self.current_timeline()?;
        self.wal
            .newest(current, living)
            .filter(|_| backup.system == living)
    }

    /// Compares the report on a restore with PostgreSQL's default target.
    fn about_default(&mut self, backup: &TakenBackup, said: &Value, pairs: &[Pair<'_>]) {
        let Some(pair) = pairs
            .iter()
            .find(|pair| pair.restore.target == Target::Latest)
        else {
            return;
        };
        let works = said.get("default_target_works").and_then(Value::as_bool) == Some(true);
        let said = format!("default_target_works: {works}");
        if works && !pair.restore.came_up {
            self.differ(backup, Target::Latest, said, real(pair));
            return;
        }
        let newest = self.newest_of_life(backup);
        let reaches = newest.is_some() && pair.way.last == newest;
        if !works && pair.restore.came_up && reaches {
            self.differ(backup, Target::Latest, said, real(pair));
        }
    }

    /// Compares the runs that are reported as missing with those at which restores ended.
    fn about_gaps(&mut self) {
        let gaps = runs(self.server.pointer("/recovery/gaps"));
        for gap in &gaps {
            let present = self.wal.present(gap.first, gap.last);
            if let Some(segment) = present.iter().find(|segment| self.is_of_all(**segment)) {
                self.found.push(format!("gap {gap}: {segment} is there"));
            }
        }
        let Some(current) = self.current_timeline() else {
            return;
        };
        let pairs = self
            .case
            .backups
            .iter()
            .flat_map(|backup| self.pairs(backup));
        let pairs: Vec<_> = pairs.collect();
        // The current timeline is that of the last cluster.
        let living = self.case.backups.last().map(|backup| backup.system);
        for pair in pairs
            .iter()
            .filter(|pair| Some(pair.backup.system) == living)
        {
            if pair.restore.target == Target::Timeline(current) {
                self.about_stop(pair, current, &gaps);
            }
        }
        for gap in &gaps {
            self.about_need(gap, &pairs);
        }
    }

    /// Checks that a restore to the current timeline that stopped before its end did so at a gap.
    fn about_stop(&mut self, pair: &Pair<'_>, current: u32, gaps: &[Run]) {
        let Some(missing) = pair.way.missing else {
            return;
        };
        let newest = self.wal.newest(current, pair.backup.system);
        let goes_on = newest.is_some_and(|newest| newest.number > missing.number);
        let is_named = gaps.iter().any(|gap| gap.contains(missing));
        if replayed(pair.restore) && goes_on && !is_named {
            let said = format!("{missing} is in no gap");
            self.differ(pair.backup, pair.restore.target, said, real(pair));
        }
    }

    /// Checks that some restore meets a gap, or would if there were no other gap before it.
    fn about_need(&mut self, gap: &Run, pairs: &[Pair<'_>]) {
        let is_met = |pair: &Pair<'_>| {
            let stopped = pair.way.missing.or(pair.way.foreign);
            let number = stopped.map(|segment| segment.number);
            let is_before = pair.backup.first.number <= gap.last.number;
            let wrong_size = pair.restore.complaint.as_deref().is_some_and(is_about_size);
            is_before && (wrong_size || number.is_some_and(|number| number <= gap.last.number))
        };
        if !pairs.iter().any(is_met) {
            self.found.push(format!("gap {gap}: no restore meets it"));
        }
    }

    /// Checks that no restore that works has read anything of a run that is reported as obsolete.
    fn about_obsolete_wal(&mut self) {
        let obsolete = runs(self.server.pointer("/recovery/obsolete"));
        for restore in self
            .case
            .restores
            .iter()
            .filter(|restore| is_restorable(restore))
        {
            let read = restore
                .requests
                .iter()
                .filter(|request| request.object.is_some());
            let mut read = read.filter_map(|request| Segment::parse(&request.name));
            let is_wrong = |segment: &Segment| {
                let is_obsolete = obsolete.iter().any(|run| run.contains(*segment));
                is_obsolete && self.is_of_backup(*segment, &restore.backup)
            };
            if let Some(segment) = read.find(is_wrong) {
                let (backup, target) = (&restore.backup, restore.target);
                self.found.push(format!(
                    "{segment} is called obsolete, and {backup} to {target} has read it"
                ));
            }
        }
    }

    /// Returns whether every backup is of the system that has written a segment.
    fn is_of_all(&self, segment: Segment) -> bool {
        self.case
            .backups
            .iter()
            .all(|backup| self.wal.is_of(segment, backup.system))
    }

    /// Returns whether a backup is of the system that has written a segment; otherwise the segment
    /// is returned but useless.
    fn is_of_backup(&self, segment: Segment, id: &str) -> bool {
        let mut backups = self.case.backups.iter();
        let backup = backups.find(|backup| backup.id == id);
        // Nothing is known of a partial or missing segment.
        !self.wal.has(segment)
            || backup.is_some_and(|backup| self.wal.is_of(segment, backup.system))
    }

    fn current_timeline(&self) -> Option<u32> {
        let timeline = self
            .server
            .pointer("/recovery/current_timeline")?
            .as_u64()?;
        u32::try_from(timeline).ok()
    }

    fn differ(
        &mut self,
        backup: &TakenBackup,
        target: impl Display,
        said: impl Display,
        real: impl Display,
    ) {
        let id = &backup.id;
        self.found
            .push(format!("{id} to {target}: said {said}; really {real}"));
    }
}

/// Returns whether a restore has replayed WAL, however it ended.
fn replayed(restore: &Restore) -> bool {
    let complaint = restore.complaint.as_deref();
    restore.came_up || complaint.is_some_and(|text| text.starts_with("WAL ends before"))
}

/// Returns whether a restore works, or would with a target before the segment of a wrong size that
/// ended it.
fn is_restorable(restore: &Restore) -> bool {
    let complaint = restore.complaint.as_deref();
    restore.came_up || (restore.was_consistent && complaint.is_some_and(is_about_size))
}

fn is_about_size(complaint: &str) -> bool {
    complaint.contains("has wrong size")
}

/// Consecutive segments on one timeline.
struct Run {
    first: Segment,
    last: Segment,
}

impl Run {
    fn contains(&self, segment: Segment) -> bool {
        self.first <= segment && segment <= self.last
    }
}

impl Display for Run {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} to {}", self.first, self.last)
    }
}

fn runs(said: Option<&Value>) -> Vec<Run> {
    let entries = said.and_then(Value::as_array).into_iter().flatten();
    let run = |entry: &Value| {
        let segment = |name: &str| Segment::parse(entry.get(name)?.as_str()?);
        Some(Run {
            first: segment("first")?,
            last: segment("last")?,
        })
    };
    entries.filter_map(run).collect()
}

fn backup_of<'a>(server: &'a Value, id: &str) -> Option<&'a Value> {
    let backups = server.get("backups")?.as_array()?;
    backups
        .iter()
        .find(|backup| backup.get("id").is_some_and(|name| name == id))
}

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Describes a restore in words.
fn real(pair: &Pair<'_>) -> String {
    let (restore, way) = (pair.restore, &pair.way);
    if let Some(complaint) = &restore.complaint {
        return format!("it does not come up: {complaint}");
    }
    let timeline = restore.timeline.unwrap_or_default();
    let mut text = format!(
        "it comes up on timeline {timeline}, last {}",
        named(way.last)
    );
    for (word, segment) in [
        ("missing", way.missing),
        ("partial", way.partial),
        ("foreign", way.foreign),
    ] {
        if let Some(segment) = segment {
            let _ = write!(text, ", {word} {segment}");
        }
    }
    text
}

fn named(segment: Option<Segment>) -> String {
    segment.map_or_else(|| "none".to_owned(), |segment| segment.to_string())
}
