//! Reading of a base backup's data.

use std::collections::BTreeSet;

use archive_contents::backup::{BackupContext, check_tail};
use archive_contents::edges::{EdgeContent, EdgeObject};
use archive_contents::tar::TarTail;
use archive_store::{ObjectStore, ObjectVersion};
use barman_archive::barman::{
    BackupFile, DataItem, DataObject, NestedNames, ObjectLocation, ServerKey, backup_directory,
};
use barman_archive::inventory::ListedObject;

use super::directory::list;
use super::edges::Edges;
use super::found_in_backup::{FoundInBackup, data_fault};
use super::server_job::{JobEnd, JobFailure, ServerJob};
use crate::assess::BackupTarget;
use crate::evidence::{BackupEvidence, ContentVerdict, DataFault, Depth, FaultKind, Version};

/// Data object of a backup in a listing.
#[derive(Clone, Debug)]
pub(super) struct BackupPart {
    pub(super) data: DataObject,
    pub(super) object: ListedObject,
}

impl<S: ObjectStore + 'static> ServerJob<'_, S> {
    /// Reads the edges of a backup's data objects.
    pub(super) async fn backup_edges(&self, id: &str) -> Result<JobEnd, JobFailure> {
        let Some(backup) = self.backup_target(id) else {
            return Ok(JobEnd::Done);
        };
        let parts = self.list_parts(id).await?;
        if self.take_over_if_unchanged(backup, &parts, Depth::Edges) {
            return Ok(JobEnd::Done);
        }
        if parts.is_empty() {
            self.note_backup(id, self.unreadable(backup, &parts, FaultKind::NotGivenOut));
            return Ok(JobEnd::Done);
        }
        let context = BackupContext::of(&backup.info);
        let mut verdict = ContentVerdict::Sound;
        let mut faults = BTreeSet::new();
        for part in &parts {
            let edges = if part.object.is_read_at_once() {
                let object = EdgeObject {
                    compression: part.data.compression,
                    object_bytes: part.object.size,
                    content: EdgeContent::Tar,
                };
                self.edges(&ObjectVersion::of(&part.object), &object)
                    .await?
            } else {
                Edges::Unreadable(FaultKind::Cold)
            };
            let (of_part, found) = match edges {
                Edges::Sound(tail) => {
                    let found = faults_of_tail(tail.as_ref(), part, context.as_ref());
                    (ContentVerdict::Suspect, found)
                }
                Edges::Fault(kind) => (ContentVerdict::Suspect, vec![DataFault::Object(kind)]),
                Edges::Unreadable(kind) => {
                    (ContentVerdict::Unreadable, vec![DataFault::Object(kind)])
                }
                Edges::Blocked(end) => return Ok(end),
            };
            // Suspicion weighs more than ignorance.
            if !found.is_empty() && verdict != ContentVerdict::Suspect {
                verdict = of_part;
            }
            faults.extend(found.iter().map(|fault| fault.as_label().to_owned()));
        }
        let evidence = BackupEvidence {
            stamp: backup.stamp(),
            version: Version::of_all(parts.iter().map(|part| &part.object)),
            depth: Depth::Edges,
            verdict,
            is_unconfirmed: false,
            read_at: self.now(),
            bytes: parts.iter().map(|part| part.object.size).sum(),
            pages: None,
            faults,
            unproven: BTreeSet::new(),
        };
        self.note_backup(id, evidence);
        Ok(JobEnd::Done)
    }

    /// Reads a backup's data as a whole, and again if anything is wrong with them.
    pub(super) async fn backup(&self, id: &str) -> Result<JobEnd, JobFailure> {
        let Some(backup) = self.backup_target(id) else {
            return Ok(JobEnd::Done);
        };
        let parts = self.list_parts(id).await?;
        if self.take_over_if_unchanged(backup, &parts, Depth::Whole) {
            return Ok(JobEnd::Done);
        }
        if parts.is_empty() {
            self.note_backup(id, self.unreadable(backup, &parts, FaultKind::NotGivenOut));
            return Ok(JobEnd::Done);
        }
        if parts.iter().any(|part| !part.object.is_read_at_once()) {
            self.note_backup(id, self.unreadable(backup, &parts, FaultKind::Cold));
            return Ok(JobEnd::Done);
        }
        let context = BackupContext::of(&backup.info);
        let Some(context) = context else {
            self.note_backup(
                id,
                self.unreadable(backup, &parts, FaultKind::UnknownFormat),
            );
            return Ok(JobEnd::Done);
        };
        let bytes: u64 = parts.iter().map(|part| part.object.size).sum();
        let needed = self.needed_bytes(backup, bytes);
        if let Some(blocked) = self.grant(needed).await? {
            return Ok(blocked);
        }
        self.ledger.give_back(needed.saturating_sub(bytes));
        match self.find_in_backup(backup, &parts, &context, bytes).await {
            Ok(found) => {
                let evidence = found.evidence(backup, &parts, self.now());
                self.note_backup(id, evidence);
                Ok(JobEnd::Done)
            }
            Err(JobFailure::Store(error)) => match self.fault_of_object(&error) {
                Some(kind) => {
                    self.note_backup(id, self.unreadable(backup, &parts, kind));
                    Ok(JobEnd::Done)
                }
                None => Err(JobFailure::Store(error)),
            },
            Err(failure) => Err(failure),
        }
    }

    /// Returns whether a change of the backup's data in a listing is none of the objects: their versions
    /// are those that were read. If so, the evidence is taken over.
    fn take_over_if_unchanged(
        &self,
        backup: &BackupTarget,
        parts: &[BackupPart],
        depth: Depth,
    ) -> bool {
        let version = Version::of_all(parts.iter().map(|part| &part.object));
        self.update(|known| {
            let Some(known) = known.backups.get_mut(&backup.id) else {
                return false;
            };
            let is_same = known.version == version && known.stamp != backup.stamp();
            if is_same {
                known.stamp = backup.stamp();
            }
            is_same && known.depth >= depth && known.verdict != ContentVerdict::Unreadable
        })
    }

    /// Returns the bytes without which a read is not begun: those of the data, of the WAL that may have to
    /// judge pages, and of a second read if it is to confirm a first one.
    fn needed_bytes(&self, backup: &BackupTarget, bytes: u64) -> u64 {
        let confirms = self.look(|known| {
            let known = known.backups.get(&backup.id);
            known.is_some_and(|known| known.is_unconfirmed)
        });
        let data = if confirms {
            bytes.saturating_mul(2)
        } else {
            bytes
        };
        data.saturating_add(self.targets.own_wal_bytes(backup))
    }

    /// Reads a backup, judges it, and reads it again if it is corrupt.
    async fn find_in_backup(
        &self,
        backup: &BackupTarget,
        parts: &[BackupPart],
        context: &BackupContext,
        bytes: u64,
    ) -> Result<FoundInBackup, JobFailure> {
        let read = self.read_parts(backup, parts, context.clone()).await?;
        let needs_wal = read.checked.needs_wal();
        let judged = if needs_wal {
            self.judge(backup, &read.checked, context).await?
        } else {
            None
        };
        // Without its positions, no later read can judge it either.
        let has_positions =
            backup.begin.is_some() && context.begin.is_some() && context.end.is_some();
        let is_unjudged = needs_wal && judged.is_none() && has_positions;
        let found = FoundInBackup::of(read, judged.as_ref());
        match found.verdict {
            ContentVerdict::Corrupt => {}
            ContentVerdict::Suspect if is_unjudged => return Ok(found.unconfirmed()),
            ContentVerdict::Sound | ContentVerdict::Suspect | ContentVerdict::Unreadable => {
                return Ok(found);
            }
        }
        if self.grant(bytes).await?.is_some() {
            return Ok(found.unconfirmed());
        }
        let again = self.read_parts(backup, parts, context.clone()).await?;
        Ok(found.compared_with(&again))
    }

    fn unreadable(
        &self,
        backup: &BackupTarget,
        parts: &[BackupPart],
        kind: FaultKind,
    ) -> BackupEvidence {
        BackupEvidence {
            stamp: backup.stamp(),
            version: Version::of_all(parts.iter().map(|part| &part.object)),
            depth: Depth::Whole,
            verdict: ContentVerdict::Unreadable,
            is_unconfirmed: false,
            read_at: self.now(),
            bytes: parts.iter().map(|part| part.object.size).sum(),
            pages: None,
            faults: [kind.as_label().to_owned()].into(),
            unproven: BTreeSet::new(),
        }
    }

    pub(super) fn backup_target(&self, id: &str) -> Option<&BackupTarget> {
        self.targets.backups.iter().find(|backup| backup.id == id)
    }

    /// Notes evidence about a backup, unless a deeper read of the same version showed more.
    pub(super) fn note_backup(&self, id: &str, evidence: BackupEvidence) {
        self.update(|known| {
            let is_less = known.backups.get(id).is_some_and(|known| {
                known.version == evidence.version
                    && known.depth > evidence.depth
                    && known.verdict != ContentVerdict::Unreadable
            });
            if !is_less {
                known.backups.insert(id.to_owned(), evidence);
            }
        });
    }

    /// Lists the data objects of a backup, in the order in which a restore reads them.
    pub(super) async fn list_parts(&self, id: &str) -> Result<Vec<BackupPart>, JobFailure> {
        let prefix = format!("{}{}", self.prefix, backup_directory(self.server, id));
        let objects = list(self.store.as_ref(), &prefix)
            .await
            .map_err(JobFailure::Listing)?;
        let names = NestedNames::among([&self.server.to_owned()]);
        let mut parts = Vec::new();
        for object in objects {
            let relative = object.key.strip_prefix(self.prefix).unwrap_or_default();
            if let ObjectLocation::Directory {
                key:
                    ServerKey::Backup {
                        file: BackupFile::Data(data),
                        ..
                    },
                ..
            } = ObjectLocation::among(relative, &names)
            {
                parts.push(BackupPart { data, object });
            }
        }
        parts.sort_by_key(|part| (part.data.item, part.data.part));
        Ok(parts)
    }
}

/// Returns the faults of the last members of a part, as far as these are seen.
fn faults_of_tail(
    tail: Option<&TarTail>,
    part: &BackupPart,
    context: Option<&BackupContext>,
) -> Vec<DataFault> {
    let of_data_directory = tail.filter(|_| part.data.item == DataItem::Data);
    let Some((tail, context)) = of_data_directory.zip(context) else {
        return Vec::new();
    };
    check_tail(tail, context).iter().map(data_fault).collect()
}
