//! Levels of verification.

use serde::{Deserialize, Serialize};

use super::Depth;

/// Level of verification; each one includes those before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// No contents are read.
    #[default]
    Off,
    /// First and last bytes of every WAL and data object.
    Edges,
    /// WAL as a whole, from one segment to the next.
    Wal,
    /// Data of base backups as a whole.
    Full,
}

impl Level {
    /// Every level, in order.
    pub const ALL: [Self; 4] = [Self::Off, Self::Edges, Self::Wal, Self::Full];

    /// The level as the word that settings and labels use.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Edges => "edges",
            Self::Wal => "wal",
            Self::Full => "full",
        }
    }

    /// Depth to which WAL is read.
    #[must_use]
    pub const fn depth_of_wal(self) -> Depth {
        match self {
            Self::Off | Self::Edges => Depth::Edges,
            Self::Wal | Self::Full => Depth::Whole,
        }
    }

    /// Depth to which the data of backups are read.
    #[must_use]
    pub const fn depth_of_backups(self) -> Depth {
        match self {
            Self::Off | Self::Edges | Self::Wal => Depth::Edges,
            Self::Full => Depth::Whole,
        }
    }
}
