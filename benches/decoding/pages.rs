//! Full pages of `ListObjectsV2`, as several stores write them.

use std::fmt::Write;

use s3_simulator::{Archive, PREFIX, Query, Shape, Start};

/// Number of objects in a full page.
pub(crate) const OBJECTS: usize = 1000;

/// Writer of pages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store {
    /// Amazon S3, of objects with checksums, as its SDKs upload them by now.
    S3,
    /// `MinIO`, which sends owners unasked.
    Minio,
    /// SeaweedFS, which sends owners too, and fields in the order of their names.
    SeaweedFs,
    /// The simulator, whose pages the measured scan lists.
    Simulator,
}

impl Store {
    /// All stores.
    pub(crate) const ALL: [Self; 4] = [Self::S3, Self::Minio, Self::SeaweedFs, Self::Simulator];

    /// Name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S3 => "Amazon S3",
            Self::Minio => "MinIO",
            Self::SeaweedFs => "SeaweedFS",
            Self::Simulator => "the simulator",
        }
    }

    /// Writes a full page of WAL segments.
    pub(crate) fn page(self) -> String {
        match self {
            Self::S3 => listing(s3_object),
            Self::Minio => listing(minio_object),
            Self::SeaweedFs => listing(seaweedfs_object),
            Self::Simulator => simulated(),
        }
    }
}

/// Writes a page around its objects, each written by its number.
fn listing(write_object: fn(&mut String, usize)) -> String {
    let mut page = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>backups</Name><Prefix>barman/</Prefix>\
         <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=\
         </NextContinuationToken><KeyCount>1000</KeyCount><MaxKeys>1000</MaxKeys>\
         <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>",
    );
    for number in 0..OBJECTS {
        write_object(&mut page, number);
    }
    page.push_str("</ListBucketResult>");
    page
}

fn s3_object(page: &mut String, number: usize) {
    let (key, moment, tag, size) = (key(number), moment(number), tag(number), size(number));
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<Contents><Key>{key}</Key><LastModified>{moment}.000Z</LastModified>\
         <ETag>&quot;{tag}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>\
         <ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size>\
         <StorageClass>STANDARD</StorageClass></Contents>"
    );
}

fn minio_object(page: &mut String, number: usize) {
    let (key, moment, tag, size) = (key(number), moment(number), tag(number), size(number));
    let _ = write!(
        page,
        "<Contents><Key>{key}</Key><LastModified>{moment}.678Z</LastModified>\
         <ETag>&#34;{tag}&#34;</ETag><Size>{size}</Size>\
         <Owner><ID>02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4</ID>\
         <DisplayName>minio</DisplayName></Owner>\
         <StorageClass>STANDARD</StorageClass></Contents>"
    );
}

fn seaweedfs_object(page: &mut String, number: usize) {
    let (key, moment, tag, size) = (key(number), moment(number), tag(number), size(number));
    let _ = write!(
        page,
        "<Contents><ETag>&#34;{tag}&#34;</ETag><Key>{key}</Key>\
         <LastModified>{moment}Z</LastModified>\
         <Owner><DisplayName>barman</DisplayName><ID>barman</ID></Owner><Size>{size}</Size>\
         <StorageClass>STANDARD</StorageClass></Contents>"
    );
}

fn key(number: usize) -> String {
    format!("barman/main/wals/0000000100000007/0000000100000007{number:08X}.gz")
}

fn moment(number: usize) -> String {
    format!("2026-11-15T{:02}:{:02}:30", number / 60, number % 60)
}

fn tag(number: usize) -> String {
    format!("{:032x}", u128::MAX / 3 - number as u128)
}

fn size(number: usize) -> usize {
    4_000_000 + number * 7919 % 1_000_000
}

/// Writes the first page of the archive that the measured scan lists.
fn simulated() -> String {
    let query = Query {
        prefix: PREFIX.to_owned(),
        is_rolled_up: false,
        start: Start::AtFirst,
        max_keys: OBJECTS,
    };
    let page = Archive::new(ARCHIVE).page(&query);
    String::from_utf8(page).expect("the simulator writes UTF-8")
}

/// The archive that the measured scan lists: a million objects of one server.
pub(crate) const ARCHIVE: Shape = Shape {
    servers: 1,
    backups: 14,
    timelines: 2,
    segments: 1_000_000 - 2 * 14 - 1,
};
