//! Settings of the verification of contents.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::schedule::Schedule;
use super::section::Section;
#[cfg(test)]
use super::tests::schema::{BytesText, DurationText, LevelText, PriceText};
use super::texts::directory;
use crate::evidence::Level;

/// Verification of contents: reading of WAL and base backups, to find damage that no listing shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct VerificationConfig {
    /// Level for every archive without its own: `off`, `edges` (first and last bytes of each new
    /// object), `wal` (also WAL as a whole) or `full` (also the data of base backups). `wal` and `full`
    /// require `dailyBytes`. Default: `off`; nothing but small files is read.
    #[cfg_attr(test, schemars(with = "LevelText"))]
    pub level: Level,
    /// Bytes of contents that are read in a day, for every archive without its own number, such as
    /// `20GB` or `50GiB`. What is not read is carried over for up to seven days. Absent: no limit, for
    /// `edges` only.
    #[cfg_attr(test, schemars(with = "Option<BytesText>"))]
    pub daily_bytes: Option<Bytes>,
    /// Age from which contents are read again. From one day to ten years. Absent: never.
    #[cfg_attr(test, schemars(with = "Option<DurationText>"))]
    pub reverify_after: Option<Duration>,
    /// Maximum number of servers of an archive whose contents are read at once. From 1 to 16. Default:
    /// 2.
    #[cfg_attr(test, schemars(range(min = 1, max = 16)))]
    pub parallel: u32,
    /// Seconds at which a read may start, as a cron expression of six fields in the time zone of the
    /// scans: `* * 0-5 * * *` for the time from midnight to six. Absent: at any time.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub schedule: Option<Schedule>,
    /// Directory with one file for each archive that remembers what was verified, and how much of the
    /// budget is left. It is created if necessary. While another process uses the file, nothing is
    /// verified. Evidence from another endpoint, bucket or prefix, or from a version with other rules, is
    /// ignored. Absent: after a restart, everything is read again.
    pub state_directory: Option<PathBuf>,
    /// Price of reading one GB from the archives, in any currency, for the estimates of `verify
    /// --dry-run`. Absent: no price is shown.
    #[cfg_attr(
        test,
        schemars(rename = "egressPricePerGB", with = "Option<PriceText>")
    )]
    pub egress_price_per_gb: Option<Price>,
}

/// Verification of one archive, where it differs from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct ArchiveVerificationConfig {
    /// Level for every server without its own. Absent: `verification.level`.
    #[cfg_attr(test, schemars(with = "Option<LevelText>"))]
    pub level: Option<Level>,
    /// Bytes of contents that are read in a day. Absent: `verification.dailyBytes`.
    #[cfg_attr(test, schemars(with = "Option<BytesText>"))]
    pub daily_bytes: Option<Bytes>,
}

/// Number of bytes, written with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// Price, as a decimal number of millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Price in millionths of the currency.
    pub millionths: u64,
}

/// Text that is not a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of bytes with its unit, such as `500MB`, `20GB` or `50GiB`")]
pub struct InvalidBytes;

/// Text that is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a price such as `0.09`")]
pub struct InvalidPrice;

const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

impl FromStr for Bytes {
    type Err = InvalidBytes;

    fn from_str(text: &str) -> Result<Self, InvalidBytes> {
        let text = text.trim();
        let (number, unit) = UNITS
            .iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
            .ok_or(InvalidBytes)?;
        let number: u64 = number.trim().parse().map_err(|_| InvalidBytes)?;
        let bytes = number.checked_mul(unit).filter(|bytes| *bytes > 0);
        bytes.map(Self).ok_or(InvalidBytes)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |unit: u64| self.0.is_multiple_of(unit).then(|| self.0 / unit);
        let units = UNITS.iter().rev();
        for (name, unit) in units {
            if let Some(number) = whole(*unit) {
                return write!(f, "{number}{name}");
            }
        }
        write!(f, "{}", self.0)
    }
}

impl FromStr for Price {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, InvalidPrice> {
        let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(part) || part.len() > 6 || whole.is_empty() {
            return Err(InvalidPrice);
        }
        let whole: u64 = whole.parse().map_err(|_| InvalidPrice)?;
        let part: u64 = format!("{part:0<6}").parse().map_err(|_| InvalidPrice)?;
        let millionths = whole
            .checked_mul(1_000_000)
            .and_then(|millionths| millionths.checked_add(part))
            .ok_or(InvalidPrice)?;
        Ok(Self { millionths })
    }
}

impl Default for VerificationConfig {
    fn default() -> Self {
        Self {
            level: Level::Off,
            daily_bytes: None,
            reverify_after: None,
            parallel: 2,
            schedule: None,
            state_directory: None,
            egress_price_per_gb: None,
        }
    }
}

/// Ages from which contents can be read again.
const REVERIFY_AFTER: RangeInclusive<Duration> =
    Duration::from_hours(24)..=Duration::from_hours(87_660);

impl VerificationConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            level: section.text("level", parse_level).unwrap_or(default.level),
            daily_bytes: section.text("dailyBytes", str::parse),
            reverify_after: section.duration("reverifyAfter", REVERIFY_AFTER),
            parallel: section
                .number("parallel", 1..=16)
                .unwrap_or(default.parallel),
            schedule: section.text("schedule", str::parse),
            state_directory: section.text("stateDirectory", directory),
            egress_price_per_gb: section.decimal("egressPricePerGB", str::parse),
        };
        section.finish();
        config
    }
}

impl ArchiveVerificationConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let config = Self {
            level: section.text("level", parse_level),
            daily_bytes: section.text("dailyBytes", str::parse),
        };
        section.finish();
        config
    }
}

/// Reads the word for a level.
pub(super) fn parse_level(text: &str) -> Result<Level, &'static str> {
    Level::ALL
        .into_iter()
        .find(|level| level.as_label() == text)
        .ok_or("expected `off`, `edges`, `wal` or `full`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit() {
        for (text, bytes) in [
            ("20GB", 20_000_000_000),
            ("50 GiB", 50 << 30),
            (" 1kB ", 1000),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for text in [
            "",
            "20",
            "GB",
            "0GB",
            "-1GB",
            "1.5GB",
            "20gb",
            "99999999999TB",
        ] {
            assert_eq!(text.parse::<Bytes>(), Err(InvalidBytes), "{text}");
        }
    }

    #[test]
    fn bytes_are_shown_as_they_are_written() {
        for text in ["20GB", "50GiB", "3TB", "500MB"] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_price_is_a_decimal_number() {
        for (text, millionths) in [("0.09", 90_000), ("1", 1_000_000), ("0.000001", 1)] {
            assert_eq!(text.parse(), Ok(Price { millionths }), "{text}");
        }
        for text in ["", ".5", "-1", "1e3", "0.0000001", "a"] {
            assert_eq!(text.parse::<Price>(), Err(InvalidPrice), "{text}");
        }
    }

    #[test]
    fn a_price_beyond_64_bits_is_none() {
        let largest = "18446744073709.551615".parse();
        assert_eq!(
            largest,
            Ok(Price {
                millionths: u64::MAX
            })
        );
        for text in ["18446744073709.551616", "18446744073710"] {
            assert_eq!(text.parse::<Price>(), Err(InvalidPrice), "{text}");
        }
    }
}
