//! Objects and bytes in the report, compared with those that were read or deleted.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::ListedObject;

use crate::real_restore::archive::Archive;
use crate::real_restore::needs::Needs;
use crate::real_restore::rounds::{Row, timeline_of};

/// Bucket at one moment.
pub(crate) struct Listing(Vec<ListedObject>);

/// Objects and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

impl Listing {
    /// Returns the sums of the objects that are now in the bucket.
    pub(crate) fn of(archive: &Archive) -> Self {
        Self(archive.stack.listing())
    }

    /// Objects whose keys match.
    pub(crate) fn sums(&self, is_counted: impl Fn(&str) -> bool) -> Sums {
        let counted = self.0.iter().filter(|object| is_counted(&object.key));
        counted.fold(Sums::default(), |sums, object| Sums {
            objects: sums.objects + 1,
            bytes: sums.bytes + object.size,
        })
    }

    /// Complete segments that no backup needs.
    pub(crate) fn not_needed(&self, needs: &Needs<'_>) -> Sums {
        self.sums(|key| segment_of(key).is_some_and(|segment| !needs.contain(segment)))
    }
}

/// Expected `recovery.restore` after a restore to a timeline: everything that Barman's tools
/// fetched for it.
pub(crate) fn read_by(row: &Row, target: u32, archive: &Archive, listing: &Listing) -> Value {
    let directory = archive.directory();
    let backup = format!("{directory}/base/{}/", row.backup_id);
    // For the timeline that it begins afterwards, a server looks for a number that is free.
    let is_beyond = |name: &str| name.ends_with(".history") && timeline_of(name) > target;
    let requests = row
        .restored
        .requests
        .iter()
        .filter(|request| !is_beyond(&request.name));
    let answered: BTreeSet<&str> = requests
        .filter_map(|request| request.object.as_deref())
        .collect();
    let wals = format!("{directory}/wals/");
    let sums = listing.sums(|key| {
        if let Some(file) = key.strip_prefix(&backup) {
            // An annotation is of no use to a restore.
            return !file.contains('/');
        }
        let file = key.rsplit('/').next().unwrap_or_default();
        key.starts_with(&wals) && answered.contains(file)
    });
    json!({
        "backup": row.backup_id, "objects": sums.objects, "bytes": sums.bytes,
        "blocked_objects": 0,
    })
}

/// Name of a complete segment, from its key.
pub(crate) fn segment_of(key: &str) -> Option<&str> {
    let (directory, file) = key.rsplit_once('/')?;
    let name = file.strip_suffix(".gz")?;
    (name.len() == 24 && directory.ends_with(name.get(..16)?)).then_some(name)
}
