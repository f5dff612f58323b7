//! Comparison of the exporter's verdicts on backups with real restores.

use serde_json::Value;

use crate::real_restore::archive::Segments;
use crate::real_restore::rounds::{Row, timeline_of};

/// Restores of an archive that did not change during them.
pub(crate) struct Reality<'a> {
    pub(crate) rows: &'a [Row],
    /// Complete segments of the archive.
    pub(crate) segments: &'a Segments,
    /// Timeline that the verdicts are about.
    pub(crate) current_timeline: u32,
}

impl Reality<'_> {
    /// Lines about all restores that the exporter judges differently.
    pub(crate) fn differences(&self, verdicts: &Value, server: &str) -> Vec<String> {
        let server = server_of(verdicts, server);
        self.rows
            .iter()
            .filter_map(|row| self.difference(server, row))
            .collect()
    }

    fn difference(&self, server: &Value, row: &Row) -> Option<String> {
        let Some(backup) = backup_of(server, &row.backup_id) else {
            return Some(format!("{row}: the exporter does not know the backup"));
        };
        let verdict = || self.about_verdict(backup, row.target.timeline?, row);
        let difference = about_restorable(backup, row)
            .or_else(|| self.about_target(backup, row))
            .or_else(verdict);
        difference.map(|difference| format!("{row}: {difference} in {backup}"))
    }

    /// Returns a difference between the reported reach of a backup with a target and the real one.
    fn about_target(&self, backup: &Value, row: &Row) -> Option<String> {
        let target = row
            .target
            .timeline
            .map_or("latest".to_owned(), |number| number.to_string());
        let Some(follow) = follow(backup, &target) else {
            return row
                .restored
                .came_up
                .then(|| format!("no word on the target {target}"));
        };
        let last = follow["last_wal"].as_str();
        if follow["works"] != row.restored.came_up {
            return Some(format!("that it comes up: {}", follow["works"]));
        }
        if !row.restored.came_up {
            return None;
        }
        let first_missing = follow["first_missing"].as_str();
        let reached = reached(row, first_missing);
        let timeline = u32::try_from(follow["timeline"].as_u64().unwrap_or_default()).unwrap_or(0);
        let end = self.segments.of(timeline).next_back();
        let is_whole = end.is_some() && reached == end;
        if last != reached {
            Some(format!(
                "{last:?} is not {reached:?}, the last complete segment"
            ))
        } else if follow["complete"] != is_whole || first_missing.is_none() != is_whole {
            Some(format!(
                "whether timeline {timeline} is reached to its end: {is_whole}"
            ))
        } else {
            let missing = first_missing.filter(|name| self.segments.0.contains(*name));
            missing.map(|name| format!("{name} is not missing"))
        }
    }

    /// Problem with the verdict on a backup; `None` if it is right.
    fn about_verdict(&self, backup: &Value, timeline: u32, row: &Row) -> Option<String> {
        let verdict = backup["verdict"].as_str();
        if timeline != self.current_timeline || row.target.no_partial {
            return None;
        }
        let last = self.segments.last_of(timeline);
        let is_recoverable = row.restored.last_segment.as_deref() == Some(last);
        if (verdict == Some("recoverable")) != is_recoverable {
            return Some(format!(
                "{verdict:?}, but that it gets to the newest WAL: {is_recoverable}"
            ));
        }
        let reach = backup["reach"]["segment"].as_str();
        let is_wrong = is_recoverable && reach != Some(last);
        is_wrong.then(|| format!("reach {reach:?}, not {last}"))
    }
}

/// Last complete segment that was replayed before the first missing one.
///
/// Where that one is missing, Barman gives a partial segment for it, and PostgreSQL takes what the
/// parent timeline has under the same number; neither is a part of the path.
fn reached<'a>(row: &'a Row, first_missing: Option<&str>) -> Option<&'a str> {
    let last = row.restored.last_segment.as_deref()?;
    let is_parents = first_missing.is_some_and(|missing| {
        missing[8..] <= last[8..] && timeline_of(last) < timeline_of(missing)
    });
    if !row.restored.last_is_partial && !is_parents {
        return Some(last);
    }
    let end = first_missing.filter(|_| is_parents).unwrap_or(last);
    let answered = row
        .restored
        .requests
        .iter()
        .filter(|request| request.object.is_some());
    let mut names = answered.map(|request| request.name.as_str());
    names.rfind(|name| name.len() == 24 && name[8..] < end[8..])
}

/// Returns a difference if a backup that came up is reported as not restorable.
fn about_restorable(backup: &Value, row: &Row) -> Option<String> {
    let verdict = backup["verdict"].as_str();
    let is_denied = row.restored.came_up && !is_restorable(backup);
    is_denied.then(|| format!("{verdict:?}, but it came up"))
}

/// Entry of the report on a backup with a target.
fn follow<'a>(backup: &'a Value, target: &str) -> Option<&'a Value> {
    backup["follow"]
        .as_array()?
        .iter()
        .find(|follow| follow["target"] == target)
}

fn is_restorable(backup: &Value) -> bool {
    ["recoverable", "consistent"]
        .map(Value::from)
        .contains(&backup["verdict"])
}

/// Part of the report about a server.
pub(crate) fn server_of<'a>(verdicts: &'a Value, name: &str) -> &'a Value {
    let archives = verdicts["archives"].as_array().into_iter().flatten();
    let mut servers = archives
        .filter_map(|archive| archive["servers"].as_array())
        .flatten();
    let server = servers.find(|server| server["name"] == name);
    server.unwrap_or_else(|| panic!("no server {name} in {verdicts}"))
}

fn backup_of<'a>(server: &'a Value, id: &str) -> Option<&'a Value> {
    server["backups"]
        .as_array()?
        .iter()
        .find(|backup| backup["id"] == id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use test_support::{Restored, WalRequest};

    use super::*;
    use crate::real_restore::rounds::timeline;

    const FIRST: &str = "000000010000000000000004";
    const SECOND: &str = "000000010000000000000005";
    const SWITCH: &str = "000000010000000000000006";
    const CHILD: &str = "000000020000000000000006";
    const LAST: &str = "000000020000000000000007";

    /// Restore that was given these segments, the last of which may be partial.
    fn row(target: u32, given: &[&str], last_is_partial: bool) -> Row {
        let object = |name: &str| Some(format!("{name}.gz"));
        let request = |name: &&str| WalRequest {
            name: (*name).to_owned(),
            object: object(name),
        };
        let restored = Restored {
            came_up: !given.is_empty(),
            replayed_to_lsn: None,
            last_segment: given.last().map(|&name| name.to_owned()),
            last_is_partial,
            timeline: Some(target),
            requests: given.iter().map(request).collect(),
            log: String::new(),
        };
        let (target, took) = (timeline(target), Duration::ZERO);
        Row {
            name: "one",
            backup_id: "20261104T030001".to_owned(),
            target,
            restored,
            took,
        }
    }

    fn said(verdict: &str, last: Option<&str>, first_missing: Option<&str>) -> Value {
        let complete = first_missing.is_none();
        let works = ["recoverable", "consistent"].contains(&verdict);
        let follow = json!({
            "target": "2", "timeline": 2, "works": works, "last_wal": last,
            "first_missing": first_missing, "complete": complete,
        });
        let backup = json!({
            "id": "20261104T030001", "verdict": verdict, "reach": { "segment": last },
            "follow": [follow],
        });
        json!({ "archives": [{ "name": "a", "servers": [{
            "name": "main", "backups": [backup],
        }]}]})
    }

    fn differences(row: Row, present: &[&str], said: &Value) -> Vec<String> {
        let segments = Segments(present.iter().map(|&name| name.to_owned()).collect());
        let reality = Reality {
            rows: &[row],
            segments: &segments,
            current_timeline: 2,
        };
        reality.differences(said, "main")
    }

    #[test]
    fn a_true_verdict_differs_in_nothing() {
        let wal = [FIRST, SECOND, CHILD, LAST];

        let found = differences(
            row(2, &wal, false),
            &wal,
            &said("recoverable", Some(LAST), None),
        );

        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_backup_that_gets_less_far_than_said_is_found() {
        let wal = [FIRST, SECOND, CHILD, LAST];
        let restored = row(2, &[FIRST, SECOND], false);

        let found = differences(restored, &wal, &said("recoverable", Some(LAST), None));

        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("is not Some(\"000000010000000000000005\")"),
            "{found:?}"
        );
    }

    #[test]
    fn a_whole_path_that_is_called_incomplete_is_found() {
        let wal = [FIRST, SECOND, CHILD, LAST];
        let said = said("consistent", Some(LAST), Some("000000020000000000000008"));

        let found = differences(row(2, &wal, false), &wal, &said);

        assert_eq!(found.len(), 1);
        assert!(found[0].contains("reached to its end: true"), "{found:?}");
    }

    #[test]
    fn a_good_backup_that_is_called_broken_is_found() {
        let wal = [FIRST, SECOND, CHILD, LAST];

        let found = differences(row(2, &wal, false), &wal, &said("broken", Some(LAST), None));

        assert_eq!(found.len(), 1);
        assert!(found[0].contains("but it came up"), "{found:?}");
    }

    #[test]
    fn a_broken_backup_that_is_called_good_is_found() {
        let wal = [FIRST, SECOND, CHILD, LAST];

        let found = differences(
            row(2, &[], false),
            &wal,
            &said("recoverable", Some(LAST), None),
        );

        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_missing_segments_copy_on_the_parent_is_not_reached() {
        let present = [FIRST, SECOND, SWITCH, LAST];
        let said = said("consistent", Some(SECOND), Some(CHILD));

        let parents = row(2, &[FIRST, SECOND, SWITCH], false);
        assert_eq!(differences(parents, &present, &said), Vec::<String>::new());
        let partial = row(2, &[FIRST, SECOND, SWITCH], true);
        assert_eq!(differences(partial, &present, &said), Vec::<String>::new());
    }

    #[test]
    fn a_backup_that_is_not_listed_is_found() {
        let mut restored = row(2, &[FIRST], false);
        restored.backup_id = "20261105T030001".to_owned();

        let found = differences(restored, &[FIRST, LAST], &said("broken", None, None));

        assert!(found[0].contains("does not know the backup"), "{found:?}");
    }
}
