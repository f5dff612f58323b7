//! Chains of block-level incremental backups: the other backups without which one cannot be
//! restored.
//!
//! An incremental backup holds the blocks that have changed since its parent. `pg_combinebackup`
//! needs every backup from the full one on, but none of the parents' WAL: recovery starts at the
//! checkpoint of the last backup.
//!
//! `docs/specification.md`, 4.8.

use std::collections::BTreeSet;
use std::fmt;

use crate::barman::BackupInfo;

/// Maximum number of parents in a chain.
///
/// Not an outside rule, only a bound on the work that an archive can cause: one parent a day makes
/// a chain of almost three years, and Barman itself gives up at about the same length, where
/// Python's recursion ends.
pub const MAX_PARENTS: usize = 1000;

/// Backup as a part of the chains that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainLink<'a> {
    /// Id of the backup that this one is the difference to; `None` for a full one.
    pub parent_id: Option<&'a str>,
    /// Reason why backups that build on this one cannot use it; `None` if they can.
    pub defect: Option<ChainDefect>,
}

/// Backups that an incremental one is built on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupChain<'a> {
    /// Ids of the parents, from the nearest to the full backup; none for a full backup.
    pub parents: Vec<&'a str>,
}

/// Chain that cannot be combined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the backup `{backup}`, which it is based on, {defect}")]
pub struct BrokenChain {
    /// Id of the first unusable parent, seen from the incremental backup.
    pub backup: String,
    /// Reason why the parent cannot be used.
    pub defect: ChainDefect,
}

/// Reason why a parent cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChainDefect {
    /// Backup that is missing, or does not have a `backup.info`.
    Missing,
    /// Backup whose `backup.info` is there but cannot be read: it is not known to be unusable.
    Unreadable,
    /// Backup that has not been copied to the end.
    NotDone,
    /// Backup that lacks some of its data objects.
    MissingData,
    /// Backup whose data are damaged.
    CorruptData,
    /// Backup built on a backup that is built on it.
    Cycle,
    /// Backup that comes after [`MAX_PARENTS`] others.
    TooLong,
}

impl<'a> ChainLink<'a> {
    /// Returns the link of the backup with this `backup.info`.
    ///
    /// Backups with the status `DONE` or `WAITING_FOR_WALS` are copied to the end
    /// (`BackupInfo.STATUS_COPY_DONE`): a parent with the second one waits for its own WAL, which
    /// no backup that builds on it needs.
    #[must_use]
    pub fn of(info: &'a BackupInfo, has_all_data: bool) -> Self {
        let defect = if !info.status().is_copied() {
            Some(ChainDefect::NotDone)
        } else if !has_all_data {
            Some(ChainDefect::MissingData)
        } else {
            None
        };
        Self {
            parent_id: info.parent_id.as_deref(),
            defect,
        }
    }

    /// Returns the link of a backup whose data are damaged.
    #[must_use]
    pub fn corrupt(info: &'a BackupInfo) -> Self {
        Self {
            parent_id: info.parent_id.as_deref(),
            defect: Some(ChainDefect::CorruptData),
        }
    }

    /// Returns the link of a backup whose `backup.info` cannot be read.
    #[must_use]
    pub const fn unreadable() -> Self {
        Self {
            parent_id: None,
            defect: Some(ChainDefect::Unreadable),
        }
    }
}

impl<'a> BackupChain<'a> {
    /// Follows the parents of the backup `id`, whose own parent is `parent_id`.
    ///
    /// `lookup` finds a backup by its id and returns `None` if there is no such backup. The backup
    /// itself is neither looked up nor judged.
    ///
    /// # Errors
    /// Returns an error if a parent cannot be used, or if the parents never end in a full backup.
    pub fn of(
        id: &str,
        parent_id: Option<&'a str>,
        lookup: impl Fn(&str) -> Option<ChainLink<'a>>,
    ) -> Result<Self, BrokenChain> {
        let mut parents = Vec::new();
        let mut seen = BTreeSet::from([id]);
        let mut next = parent_id;
        while let Some(parent) = next {
            let broken = |defect| BrokenChain {
                backup: parent.to_owned(),
                defect,
            };
            if !seen.insert(parent) {
                return Err(broken(ChainDefect::Cycle));
            }
            if parents.len() == MAX_PARENTS {
                return Err(broken(ChainDefect::TooLong));
            }
            let link = lookup(parent).ok_or_else(|| broken(ChainDefect::Missing))?;
            if let Some(defect) = link.defect {
                return Err(broken(defect));
            }
            parents.push(parent);
            next = link.parent_id;
        }
        Ok(Self { parents })
    }
}

impl ChainDefect {
    /// Returns the reason as a word for scripts.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::NotDone => "not_done",
            Self::MissingData => "missing_data",
            Self::CorruptData => "corrupt_data",
            Self::Cycle => "cycle",
            Self::TooLong => "too_long",
        }
    }
}

impl fmt::Display for ChainDefect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "is missing",
            Self::Unreadable => "has a `backup.info` that cannot be read",
            Self::NotDone => "is not done",
            Self::MissingData => "lacks data",
            Self::CorruptData => "has corrupt data",
            Self::Cycle => "is based on itself",
            Self::TooLong => "is part of a chain that is too long",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;
    use crate::barman::BackupInfoText;
    use crate::postgres::SegmentName;

    type Links = BTreeMap<&'static str, ChainLink<'static>>;

    const WHOLE: ChainLink<'static> = ChainLink {
        parent_id: None,
        defect: None,
    };

    fn on(parent: &'static str) -> ChainLink<'static> {
        ChainLink {
            parent_id: Some(parent),
            ..WHOLE
        }
    }

    fn chain(id: &str, links: &Links) -> Result<Vec<&'static str>, (String, ChainDefect)> {
        let parent = links[id].parent_id;
        match BackupChain::of(id, parent, |id| links.get(id).copied()) {
            Ok(chain) => Ok(chain.parents),
            Err(broken) => Err((broken.backup, broken.defect)),
        }
    }

    fn info(status: &str) -> BackupInfoText {
        let segment = SegmentName::parse("000000010000000000000001").unwrap();
        let at = DateTime::UNIX_EPOCH;
        BackupInfoText::new(status)
            .begun(at, segment)
            .ended(at, segment)
    }

    fn parsed(text: &BackupInfoText) -> BackupInfo {
        BackupInfo::parse(text.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_full_backup_needs_no_other() {
        assert_eq!(
            chain("full", &BTreeMap::from([("full", WHOLE)])),
            Ok(vec![])
        );
    }

    #[test]
    fn an_incremental_backup_needs_all_up_to_the_full_one() {
        let links = BTreeMap::from([
            ("full", WHOLE),
            ("b", on("full")),
            ("c", on("b")),
            ("d", on("b")),
        ]);

        assert_eq!(chain("c", &links), Ok(vec!["b", "full"]));
        assert_eq!(chain("d", &links), Ok(vec!["b", "full"]));
        assert_eq!(chain("b", &links), Ok(vec!["full"]));
    }

    #[test]
    fn a_parent_that_is_not_there_breaks_the_chain() {
        let links = BTreeMap::from([("b", on("full")), ("c", on("b"))]);

        assert_eq!(
            chain("c", &links),
            Err(("full".to_owned(), ChainDefect::Missing))
        );
    }

    #[test]
    fn the_nearest_parent_of_no_use_is_named() {
        for defect in [
            ChainDefect::Unreadable,
            ChainDefect::NotDone,
            ChainDefect::MissingData,
            ChainDefect::CorruptData,
        ] {
            let useless = |link| ChainLink {
                defect: Some(defect),
                ..link
            };
            let links = BTreeMap::from([
                ("full", useless(WHOLE)),
                ("b", useless(on("full"))),
                ("c", on("b")),
            ]);

            assert_eq!(chain("c", &links), Err(("b".to_owned(), defect)));
            assert_eq!(chain("b", &links), Err(("full".to_owned(), defect)));
        }
    }

    #[test]
    fn parents_in_a_circle_break_the_chain() {
        let links = BTreeMap::from([
            ("a", on("a")),
            ("b", on("c")),
            ("c", on("b")),
            ("d", on("b")),
        ]);

        assert_eq!(
            chain("a", &links),
            Err(("a".to_owned(), ChainDefect::Cycle))
        );
        assert_eq!(
            chain("b", &links),
            Err(("b".to_owned(), ChainDefect::Cycle))
        );
        assert_eq!(
            chain("d", &links),
            Err(("b".to_owned(), ChainDefect::Cycle))
        );
    }

    #[test]
    fn a_chain_without_end_is_given_up() {
        let ids: Vec<String> = (0..=MAX_PARENTS + 1)
            .map(|number| number.to_string())
            .collect();
        let next = |id: &str| {
            let number: usize = id.parse().unwrap();
            Some(ChainLink {
                parent_id: ids.get(number + 1).map(String::as_str),
                defect: None,
            })
        };

        let broken = BackupChain::of("0", Some("1"), next).unwrap_err();
        assert_eq!(
            broken,
            BrokenChain {
                backup: "1001".to_owned(),
                defect: ChainDefect::TooLong
            }
        );
        assert_eq!(
            BackupChain::of("1", Some("2"), next).unwrap().parents.len(),
            MAX_PARENTS
        );
    }

    #[test]
    fn a_parent_is_of_use_once_it_is_copied() {
        fn defect(status: &str, has_all_data: bool) -> Option<ChainDefect> {
            ChainLink::of(&parsed(&info(status)), has_all_data).defect
        }

        assert_eq!(defect("DONE", true), None);
        assert_eq!(defect("WAITING_FOR_WALS", true), None);
        assert_eq!(defect("DONE", false), Some(ChainDefect::MissingData));
        for status in ["EMPTY", "STARTED", "FAILED", "SYNCING", "ELSE"] {
            let defect = defect(status, true);
            assert_eq!(defect, Some(ChainDefect::NotDone), "{status}");
        }
    }

    #[test]
    fn the_parent_is_that_of_its_backup_info() {
        let info = parsed(&info("DONE").with("parent_backup_id", "20261107T030000"));

        assert_eq!(ChainLink::of(&info, true), on("20261107T030000"));
        assert_eq!(
            ChainLink::unreadable().defect,
            Some(ChainDefect::Unreadable)
        );
    }

    #[test]
    fn a_broken_chain_names_the_backup_and_the_reason() {
        let broken = BrokenChain {
            backup: "a".to_owned(),
            defect: ChainDefect::MissingData,
        };

        assert_eq!(
            broken.to_string(),
            "the backup `a`, which it is based on, lacks data"
        );
    }
}
