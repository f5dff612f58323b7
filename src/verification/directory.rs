//! Listings of single directories, with the versions of their objects.

use std::collections::BTreeMap;

use archive_store::{EntityTags, ListRequest, ObjectStore, ObjectVersion, StorageError};
use barman_archive::barman::{Compression, NestedNames, ObjectLocation, ServerKey, WalKind};
use barman_archive::inventory::ListedObject;

use crate::evidence::{ListedFile, Version, WalFile};

/// Maximum number of pages of one directory: a WAL directory has at most 4096 segments.
const MOST_PAGES: usize = 64;

/// WAL file in a listing.
#[derive(Clone, Debug)]
pub(super) struct WalObject {
    /// Version that is read.
    pub(super) version: ObjectVersion,
    /// Compression that its key states.
    pub(super) compression: Option<Compression>,
    /// Hash of the version.
    pub(super) hash: Version,
    /// True if its storage class can be read at once.
    pub(super) is_read_at_once: bool,
}

/// WAL directory as it was listed.
#[derive(Clone, Debug, Default)]
pub(super) struct ListedWalDir {
    /// Object of each file: the first one in the order of keys, which a restore takes.
    pub(super) files: BTreeMap<WalFile, WalObject>,
}

impl ListedWalDir {
    /// Lists a WAL directory of an archive with this prefix.
    pub(super) async fn list(
        store: &impl ObjectStore,
        prefix: &str,
        server: &str,
        directory: &str,
    ) -> Result<Self, StorageError> {
        let objects = list(store, &format!("{prefix}{directory}")).await?;
        let names = NestedNames::among([&server.to_owned()]);
        let mut listed = Self::default();
        for object in &objects {
            let relative = object.key.strip_prefix(prefix).unwrap_or_default();
            if let ObjectLocation::Directory {
                key: ServerKey::Wal(wal),
                ..
            } = ObjectLocation::among(relative, &names)
            {
                listed.add(wal, object);
            }
        }
        Ok(listed)
    }

    fn add(&mut self, wal: barman_archive::barman::WalObject, object: &ListedObject) {
        let file = match wal.kind {
            WalKind::Segment(name) if wal.in_place => WalFile::whole(name.low),
            WalKind::Partial(name) if wal.in_place => WalFile {
                low: name.low,
                is_partial: true,
            },
            WalKind::Segment(_)
            | WalKind::Partial(_)
            | WalKind::Label(..)
            | WalKind::History(_)
            | WalKind::Foreign => return,
        };
        self.files.entry(file).or_insert(WalObject {
            version: ObjectVersion::of(object),
            compression: wal.compression,
            hash: Version::of(object),
            is_read_at_once: object.is_read_at_once(),
        });
    }

    /// Files with their versions.
    pub(super) fn versions(&self) -> Vec<ListedFile> {
        self.files
            .iter()
            .map(|(file, object)| ListedFile {
                file: *file,
                version: object.hash,
            })
            .collect()
    }
}

/// Lists all objects below a prefix that holds few, in the order of their keys.
pub(super) async fn list(
    store: &impl ObjectStore,
    prefix: &str,
) -> Result<Vec<ListedObject>, StorageError> {
    let mut objects = Vec::new();
    let mut request = ListRequest {
        prefix: prefix.to_owned(),
        entity_tags: EntityTags::OfAllObjects,
        ..ListRequest::default()
    };
    for _ in 0..MOST_PAGES {
        let page = store.list_page(&request).await?;
        objects.extend(page.objects);
        request.continuation = page.next;
        if request.continuation.is_none() {
            break;
        }
    }
    objects.sort_by(|object, other| object.key.cmp(&other.key));
    Ok(objects)
}
