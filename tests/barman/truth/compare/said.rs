//! Report of the program on one target of one backup.

use serde_json::Value;

use crate::truth::case::Target;
use crate::truth::wal::Segment;

/// Entry of `follow`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) works: bool,
    pub(crate) timeline: Option<u64>,
    pub(crate) last: Option<Segment>,
    pub(crate) missing: Option<Segment>,
    pub(crate) partial: Option<Segment>,
    pub(crate) complete: bool,
}

impl Said {
    /// Entry for a target; `None` if there is none.
    pub(crate) fn read(backup: &Value, target: Target) -> Option<Self> {
        let entry = entry(backup, &target.to_string())?;
        let segment = |field: &str| {
            let name = entry.get(field)?.as_str()?;
            Segment::parse(name.trim_end_matches(".partial"))
        };
        Some(Self {
            works: entry.get("works")?.as_bool()?,
            timeline: entry.get("timeline").and_then(Value::as_u64),
            last: segment("last_wal"),
            missing: segment("first_missing"),
            partial: segment("then_partial"),
            complete: entry.get("complete")?.as_bool()?,
        })
    }
}

fn entry<'a>(backup: &'a Value, target: &str) -> Option<&'a Value> {
    let entries = backup.get("follow")?.as_array()?;
    entries
        .iter()
        .find(|entry| entry.get("target").is_some_and(|name| name == target))
}
