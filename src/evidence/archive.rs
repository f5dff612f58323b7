//! Evidence about an archive.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BackupEvidence, DirStamp, Level, WalEvidence};

/// Evidence about an archive, by server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEvidence {
    /// Evidence by server. Whoever looks at it shares it, and a change is made to a copy: looks are long,
    /// and nobody waits for them.
    pub servers: BTreeMap<String, Arc<ServerEvidence>>,
}

/// Evidence about one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEvidence {
    /// WAL of the server.
    pub wal: WalEvidence,
    /// Base backups of the server, by id.
    pub backups: BTreeMap<String, BackupEvidence>,
    /// Level of verification, and the time since which it is at least that; `None` before the first scan.
    pub level: Option<(Level, DateTime<Utc>)>,
}

impl ServerEvidence {
    /// Evidence about a backup, if it is about its data in this state.
    #[must_use]
    pub fn backup(&self, id: &str, stamp: DirStamp) -> Option<&BackupEvidence> {
        self.backups.get(id).filter(|known| known.stamp == stamp)
    }

    /// Returns the time since which the server is verified at this level; `None` if it was not yet.
    #[must_use]
    pub fn since(&self, level: Level) -> Option<DateTime<Utc>> {
        let (known, since) = self.level?;
        (known >= level).then_some(since)
    }

    /// Returns the level with its time as of a scan; `None` if they stay as they are.
    fn level_of_scan(&self, level: Level, now: DateTime<Utc>) -> Option<(Level, DateTime<Utc>)> {
        let since = self.since(level).map_or(now, |since| since.min(now));
        let of_scan = (level, since);
        (self.level != Some(of_scan)).then_some(of_scan)
    }
}

impl ArchiveEvidence {
    /// Evidence about a server.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&ServerEvidence> {
        self.servers.get(name).map(Arc::as_ref)
    }

    /// Evidence about a server, to be changed.
    pub fn server_mut(&mut self, name: &str) -> &mut ServerEvidence {
        Arc::make_mut(self.servers.entry(name.to_owned()).or_default())
    }

    /// Notes the level at which a server is verified as of a scan; returns whether that is new.
    pub fn note_level(&mut self, name: &str, level: Level, now: DateTime<Utc>) -> bool {
        let of_scan = match self.server(name) {
            Some(known) => known.level_of_scan(level, now),
            None => Some((level, now)),
        };
        if let Some(of_scan) = of_scan {
            self.server_mut(name).level = Some(of_scan);
        }
        of_scan.is_some()
    }
}
