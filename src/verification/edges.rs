//! Reading of the first and last bytes of objects.

use archive_contents::edges::{
    Edge, EdgeContent, EdgeFault, EdgeObject, StartProof, Unseen, check_end, check_start,
};
use archive_contents::tar::TarTail;
use archive_contents::wal::SegmentContext;
use archive_store::{ObjectStore, ObjectVersion};
use barman_archive::postgres::WalDir;

use super::WantedEdges;
use super::directory::WalObject;
use super::server_job::{JobEnd, JobFailure, ServerJob};
use crate::evidence::{
    ContentVerdict, Depth, Effect, FaultKind, ReadObject, SegmentEvidence, SegmentFault, WalFile,
};

/// Result of reading the edges of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edges {
    /// Nothing is wrong with them. Of an archive without compression, its last members are known.
    Sound(Option<TarTail>),
    /// Something seems to be wrong.
    Fault(FaultKind),
    /// They cannot be judged.
    Unreadable(FaultKind),
    /// There are not enough bytes in the budget.
    Blocked(JobEnd),
}

impl<S: ObjectStore + 'static> ServerJob<'_, S> {
    /// Reads the edges of the files of a WAL directory about which nothing is known.
    pub(super) async fn wal_edges(&self, wal_dir: WalDir) -> Result<JobEnd, JobFailure> {
        let listed = self.list_wal_dir(wal_dir).await?;
        let Some(target) = self.targets.dirs.get(&wal_dir) else {
            return Ok(JobEnd::Done);
        };
        for (file, object) in &listed.files {
            let now = self.now();
            let is_known = self.look(|known| known.wal.has_lasting_evidence(wal_dir, *file, now));
            if !target.wants(*file) || is_known {
                continue;
            }
            if let Some(blocked) = self.file_edges(wal_dir, *file, object).await? {
                return Ok(blocked);
            }
        }
        Ok(JobEnd::Done)
    }

    /// Reads the edges of some files of a WAL directory, whatever is known of them.
    pub(super) async fn edges_again(
        &self,
        wal_dir: WalDir,
        wanted: &WantedEdges,
    ) -> Result<JobEnd, JobFailure> {
        let listed = self.list_wal_dir(wal_dir).await?;
        for (file, object) in &listed.files {
            if !wanted.include(*file) {
                continue;
            }
            if let Some(blocked) = self.file_edges(wal_dir, *file, object).await? {
                return Ok(blocked);
            }
        }
        Ok(JobEnd::Done)
    }

    /// Reads the edges of a WAL file, and notes what was found. Returns the end of the job if the budget does
    /// not allow it.
    async fn file_edges(
        &self,
        wal_dir: WalDir,
        file: WalFile,
        object: &WalObject,
    ) -> Result<Option<JobEnd>, JobFailure> {
        let edges = if object.is_read_at_once {
            let context = self.context(wal_dir.segment(file.low), file.is_partial);
            let edge_object = wal_object(object, context);
            self.edges(&object.version, &edge_object).await?
        } else {
            Edges::Unreadable(FaultKind::Cold)
        };
        let (verdict, kind) = match edges {
            Edges::Sound(_) => (ContentVerdict::Sound, None),
            Edges::Fault(kind) => (ContentVerdict::Suspect, Some(kind)),
            Edges::Unreadable(kind) => (ContentVerdict::Unreadable, Some(kind)),
            Edges::Blocked(end) => return Ok(Some(end)),
        };
        let read = ReadObject {
            version: object.hash,
            bytes: object.version.size,
            at: self.now(),
        };
        let evidence = SegmentEvidence::new(file, Depth::Edges, verdict, read);
        let fault = kind.map(|kind| SegmentFault::new(kind, Effect::Unknown));
        self.update(|known| known.wal.insert(wal_dir, evidence, fault));
        Ok(None)
    }

    /// Reads the edges of an object.
    pub(super) async fn edges(
        &self,
        version: &ObjectVersion,
        object: &EdgeObject,
    ) -> Result<Edges, JobFailure> {
        match self.read_edges(version, object).await {
            Err(JobFailure::Store(error)) => match self.fault_of_object(&error) {
                Some(kind) => Ok(Edges::Unreadable(kind)),
                None => Err(JobFailure::Store(error)),
            },
            read => read,
        }
    }

    async fn read_edges(
        &self,
        version: &ObjectVersion,
        object: &EdgeObject,
    ) -> Result<Edges, JobFailure> {
        // Everything that may be needed, because a read that breaks off is paid for in vain.
        let most = most_edge_bytes(version, object);
        if let Some(blocked) = self.grant(most).await? {
            return Ok(Edges::Blocked(blocked));
        }
        let mut left = most;
        let read = self.read_granted_edges(version, object, &mut left).await;
        self.ledger.give_back(left);
        read
    }

    /// Reads the edges of an object, and takes what is read from the bytes that are left.
    async fn read_granted_edges(
        &self,
        version: &ObjectVersion,
        object: &EdgeObject,
        left: &mut u64,
    ) -> Result<Edges, JobFailure> {
        let mut first = Vec::new();
        let mut start = None;
        for length in object.first_lengths() {
            let end = version.size.min(*length as u64);
            let read = first.len() as u64;
            if end > read {
                *left = left.saturating_sub(end - read);
                first.extend(self.range(version, read..end).await?);
            }
            match check_start(object, &first) {
                Edge::Proven(proof) => {
                    start = Some(proof);
                    break;
                }
                Edge::Fault(fault) => return Ok(Edges::Fault(kind_of(fault))),
                Edge::Unseen(Unseen::NeedsMore | Unseen::NoEnd) => {}
                Edge::Unseen(unseen) => return Ok(Edges::Unreadable(kind_of_unseen(unseen))),
            }
        }
        if start.as_ref().is_some_and(|start| self.is_foreign(start)) {
            return Ok(Edges::Fault(FaultKind::Foreign));
        }
        let begin = version.size.saturating_sub(object.last_length() as u64);
        let known = usize::try_from(begin)
            .ok()
            .and_then(|begin| first.get(begin..));
        let last = match known {
            Some(last) if first.len() as u64 == version.size => last.to_vec(),
            Some(_) | None => {
                *left = left.saturating_sub(version.size - begin);
                self.range(version, begin..version.size).await?
            }
        };
        Ok(match check_end(object, &first, &last) {
            Edge::Fault(fault) => Edges::Fault(kind_of(fault)),
            Edge::Proven(end) => Edges::Sound(end.tail),
            Edge::Unseen(_) if start.is_some() => Edges::Sound(None),
            // Neither edge shows anything.
            Edge::Unseen(_) => Edges::Unreadable(FaultKind::UnknownFormat),
        })
    }

    /// Returns whether a segment is of a cluster that no backup is of.
    fn is_foreign(&self, start: &StartProof) -> bool {
        match start {
            StartProof::Wal(page) => self.is_foreign_cluster(page.system_identifier),
            StartProof::Tar { .. } => false,
        }
    }

    async fn range(
        &self,
        version: &ObjectVersion,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>, JobFailure> {
        let bytes = self.store.read_range(version, range).await;
        let bytes = bytes.map_err(JobFailure::Store)?;
        self.statistics.read(bytes.len() as u64);
        Ok(bytes)
    }
}

/// Returns the most bytes that are read of an object's edges.
fn most_edge_bytes(version: &ObjectVersion, object: &EdgeObject) -> u64 {
    let first = object.first_lengths().last().copied().unwrap_or_default();
    let both = (first as u64).saturating_add(object.last_length() as u64);
    both.min(version.size)
}

fn wal_object(object: &WalObject, context: SegmentContext) -> EdgeObject {
    EdgeObject {
        compression: object.compression,
        object_bytes: object.version.size,
        content: EdgeContent::Wal(context),
    }
}

/// Returns the kind of a fault that an edge shows.
fn kind_of(fault: EdgeFault) -> FaultKind {
    match fault {
        EdgeFault::Codec(fault) => FaultKind::of_codec(fault),
        EdgeFault::Wal(fault) => FaultKind::of_wal(fault),
        EdgeFault::TarHeader | EdgeFault::Content { .. } => FaultKind::OtherFormat,
        EdgeFault::End => FaultKind::Truncated,
        EdgeFault::Framing => FaultKind::Trailing,
        EdgeFault::ContentSize { .. } => FaultKind::Length,
    }
}

const fn kind_of_unseen(unseen: Unseen) -> FaultKind {
    match unseen {
        Unseen::TooMuchMemory => FaultKind::TooMuchMemory,
        Unseen::UnknownFormat { .. } | Unseen::Unsupported | Unseen::NeedsMore | Unseen::NoEnd => {
            FaultKind::UnknownFormat
        }
    }
}
