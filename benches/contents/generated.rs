//! A store of any size: contents are made as they are read.

use std::collections::BTreeMap;
use std::ops::Range;

use archive_store::memory::{MemoryStore, StoreWrapper};
use archive_store::{
    ListPage, ListRequest, ObjectChecksums, ObjectStore, ObjectVersion, StorageError,
};
use barman_archive::postgres::WalDir;
use chrono::TimeDelta;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::archive::now;
use crate::base;
use crate::heap::Heap;
use crate::wal::{SEGMENT, Wal, backup_info};

/// Number of pages of each relation of a large backup.
const PAGES: u32 = 1024;

/// Object that is made as it is read.
enum Large {
    /// Segment with this number, without compression.
    Segment(u64),
    /// Compressed data of a backup.
    Backup(GzipData),
}

/// Store in memory, and objects that are too large for it.
pub(crate) struct GeneratedStore {
    /// Small objects, and a stand-in without content for each large one.
    small: MemoryStore,
    wal: Wal,
    large: BTreeMap<String, Large>,
}

impl GeneratedStore {
    /// A store without objects.
    pub(crate) fn new() -> Self {
        Self {
            small: MemoryStore::new(1000),
            wal: Wal::new(),
            large: BTreeMap::new(),
        }
    }

    /// Adds a server with so many consecutive segments, and returns their bytes.
    pub(crate) fn add_wal(&mut self, server: &str, segments: u64) -> u64 {
        let first = 0x100;
        let base = format!("{server}/base/{}", base::ID);
        self.put(
            &format!("{base}/backup.info"),
            backup_info(first).as_bytes(),
        );
        self.put(&format!("{base}/data.tar"), b"data");
        for number in first..first + segments {
            let name = Wal::name(number);
            let key = format!("{server}/wals/{}/{name}", WalDir::from(name));
            self.put(&key, b"");
            self.large.insert(key, Large::Segment(number));
        }
        segments * SEGMENT as u64
    }

    /// Adds a server with a compressed backup of about so many bytes, and returns how many it has when it
    /// is decompressed.
    pub(crate) fn add_backup(&mut self, server: &str, bytes: u64) -> u64 {
        for file in base::other_files() {
            self.put(&format!("{server}/{}", file.key), &file.content);
        }
        let data = GzipData::new(bytes);
        let plain_bytes = data.plain_bytes;
        let key = format!("{server}/base/{}/data.tar.gz", base::ID);
        self.put(&key, b"");
        self.large.insert(key, Large::Backup(data));
        plain_bytes
    }

    fn put(&self, key: &str, content: &[u8]) {
        self.small.put(key, content, now() - TimeDelta::hours(1));
    }
}

impl StoreWrapper for GeneratedStore {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.small
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let mut page = self.small.list_page(request).await?;
        for object in &mut page.objects {
            match self.large.get(&object.key) {
                Some(Large::Segment(_)) => object.size = SEGMENT as u64,
                Some(Large::Backup(data)) => object.size = data.bytes,
                None => {}
            }
        }
        Ok(page)
    }

    async fn stated_checksums(&self, _: &ObjectVersion) -> Result<ObjectChecksums, StorageError> {
        Ok(ObjectChecksums::default())
    }

    async fn range(
        &self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        match self.large.get(&object.key) {
            Some(Large::Segment(number)) => {
                let place = |place| usize::try_from(place).expect("a segment is small");
                Ok(self
                    .wal
                    .range(*number, &(place(range.start)..place(range.end))))
            }
            Some(Large::Backup(data)) => Ok(data.range(range)),
            None => self.small.read_range(object, range).await,
        }
    }
}

/// Compressed data of a backup: relations with the same content and names of their own.
///
/// Deflate does not refer back over a full flush, so that the compressed content of one relation stands
/// for that of each.
struct GzipData {
    /// Compressed content of a relation.
    relation: Vec<u8>,
    /// Everything else, by its place in the object.
    pieces: BTreeMap<u64, Vec<u8>>,
    bytes: u64,
    plain_bytes: u64,
}

impl GzipData {
    fn new(bytes: u64) -> Self {
        let plain = base::relation(&mut Heap::new(17), PAGES);
        let mut relation_sum = Crc::new();
        relation_sum.update(&plain);
        let mut data = Self {
            relation: deflate(&plain, FlushCompress::Full),
            pieces: BTreeMap::new(),
            bytes: 0,
            plain_bytes: 0,
        };
        let mut sum = Crc::new();
        let mut piece = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
        for number in 0..u32::try_from(bytes / plain.len() as u64).expect("there are few") {
            let header = base::header(number, plain.len());
            sum.update(&header);
            sum.combine(&relation_sum);
            piece.extend(deflate(&header, FlushCompress::Full));
            data.plain_bytes += (header.len() + plain.len()) as u64;
            data.push(std::mem::take(&mut piece));
            data.bytes += data.relation.len() as u64;
        }
        let mut rest = base::rest();
        let missing = data.plain_bytes.next_multiple_of(base::RECORD as u64) - data.plain_bytes;
        rest.resize(
            rest.len() + usize::try_from(missing).expect("it is small"),
            0,
        );
        sum.update(&rest);
        data.plain_bytes += rest.len() as u64;
        piece.extend(deflate(&rest, FlushCompress::Finish));
        piece.extend(sum.sum().to_le_bytes());
        let [low @ .., _, _, _, _] = data.plain_bytes.to_le_bytes();
        piece.extend(low);
        data.push(piece);
        data
    }

    fn push(&mut self, piece: Vec<u8>) {
        let at = self.bytes;
        self.bytes += piece.len() as u64;
        self.pieces.insert(at, piece);
    }

    fn range(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
        let mut at = range.start;
        while at < range.end {
            let (begin, piece) = self
                .pieces
                .range(..=at)
                .next_back()
                .expect("the first is at 0");
            let offset = usize::try_from(at - begin).expect("pieces are small");
            let rest = match piece.get(offset..) {
                Some(rest) if !rest.is_empty() => rest,
                Some(_) | None => &self.relation[offset - piece.len()..],
            };
            let missing = usize::try_from(range.end - at).expect("ranges are small");
            let taken = rest.len().min(missing);
            bytes.extend_from_slice(&rest[..taken]);
            at += taken as u64;
        }
        bytes
    }
}

/// Compresses without a header, and ends in a way in which anything can follow, or nothing.
fn deflate(plain: &[u8], end: FlushCompress) -> Vec<u8> {
    let mut encoder = Compress::new(Compression::new(9), false);
    let mut compressed = Vec::with_capacity(plain.len() + 1024);
    let status = encoder.compress_vec(plain, &mut compressed, end);
    let is_whole = encoder.total_in() == plain.len() as u64
        && matches!(status, Ok(Status::Ok | Status::StreamEnd));
    assert!(is_whole, "there is room for everything");
    compressed
}
