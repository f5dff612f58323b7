//! Names and endings of WAL files.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use snap::write::FrameEncoder;

/// The usual size of a WAL segment.
pub(crate) const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

const SEGMENTS_PER_WAL_DIR: u64 = (1 << 32) / SEGMENT_BYTES;

/// One WAL segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    pub(crate) timeline: u32,
    /// Counted from the beginning of the cluster, across timelines.
    pub(crate) number: u64,
}

impl Segment {
    /// The segment that a name begins with.
    pub(crate) fn at_beginning_of(name: &str) -> Option<Self> {
        let part = |digits| u64::from_str_radix(name.get(digits)?, 16).ok();
        let (timeline, wal_dir, segment) = (part(0..8)?, part(8..16)?, part(16..24)?);
        let timeline = u32::try_from(timeline).ok()?;
        Some(Self {
            timeline,
            number: wal_dir * SEGMENTS_PER_WAL_DIR + segment,
        })
    }

    pub(crate) fn name(self) -> String {
        format!(
            "{}{:08X}",
            self.wal_dir_name(),
            self.number % SEGMENTS_PER_WAL_DIR
        )
    }

    /// Key of the segment, its label or whatever else has such an ending.
    pub(crate) fn key(self, ending: &str) -> String {
        format!("wals/{}/{}{ending}", self.wal_dir_name(), self.name())
    }

    /// A WAL position in it, as PostgreSQL writes it.
    pub(crate) fn lsn(self, offset: u64) -> String {
        let position = self.number * SEGMENT_BYTES + offset;
        format!("{:X}/{:X}", position >> 32, position & 0xFFFF_FFFF)
    }

    fn wal_dir_name(self) -> String {
        format!(
            "{:08X}{:08X}",
            self.timeline,
            self.number / SEGMENTS_PER_WAL_DIR
        )
    }
}

/// Compression of WAL files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Snappy,
}

impl Compression {
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Snappy => ".snappy",
        }
    }

    pub(crate) fn compress(self, content: &str) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(content.into()),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(content.as_bytes())?;
                encoder.finish()
            }
            Self::Snappy => {
                let mut encoder = FrameEncoder::new(Vec::new());
                encoder.write_all(content.as_bytes())?;
                encoder
                    .into_inner()
                    .map_err(snap::write::IntoInnerError::into_error)
            }
        }
    }
}
