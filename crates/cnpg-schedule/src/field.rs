//! One field of a cron expression: a set of numbers.

/// What a field is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS_OF_WEEK: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl FieldKind {
    /// All of them, in the order in which they are written.
    pub(super) const ALL: [Self; 6] =
        [Self::Second, Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek];

    /// The least and the greatest number (robfig/cron, `spec.go`). Sunday is 0, and nothing else.
    pub(super) const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        }
    }

    /// What may stand in it.
    pub(super) const fn form(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "numbers from 0 to 59",
            Self::Hour => "numbers from 0 to 23",
            Self::DayOfMonth => "numbers from 1 to 31",
            Self::Month => "numbers from 1 to 12 or names from `jan` to `dec`",
            Self::DayOfWeek => "numbers from 0 (Sunday) to 6 or names from `sun` to `sat`",
        }
    }

    /// The number that a name stands for.
    fn named(self, text: &str) -> Option<u32> {
        let names: &[&str] = match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &DAYS_OF_WEEK,
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth => &[],
        };
        let text = text.to_lowercase();
        let numbered = names.iter().zip(self.bounds().0..);
        numbered.into_iter().find_map(|(name, number)| (*name == text).then_some(number))
    }
}

/// The numbers that a field allows; none of them above 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldSet {
    kind: FieldKind,
    bits: u64,
    /// Whether a star stands in it that makes both kinds of day count (robfig/cron's `starBit`).
    pub(super) has_star: bool,
}

impl FieldSet {
    /// Everything, as a star has it.
    pub(super) fn all(kind: FieldKind) -> Self {
        let (least, most) = kind.bounds();
        let bits = (least..=most).fold(0, |bits, number| bits | 1 << number);
        Self { kind, bits, has_star: true }
    }

    pub(super) const fn contains(&self, number: u32) -> bool {
        number < u64::BITS && self.bits & (1 << number) != 0
    }

    /// The numbers, in order.
    pub(super) fn numbers(&self) -> Vec<u32> {
        let (least, most) = self.kind.bounds();
        (least..=most).filter(|number| self.contains(*number)).collect()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// Whether every number is in it.
    pub(super) fn is_whole(&self) -> bool {
        self.bits == Self::all(self.kind).bits
    }

    /// Whether it is the number 0 alone.
    pub(super) const fn is_zero(&self) -> bool {
        self.bits == 1
    }

    /// Reads a field as robfig/cron's `getField` does: ranges with commas between; commas beyond
    /// those are no mistake, and a field of nothing else allows no number.
    ///
    /// # Errors
    /// The part that makes no sense, and why.
    pub(super) fn read(
        kind: FieldKind,
        text: &str,
        star_with_step: bool,
    ) -> Result<Self, (String, PartError)> {
        let nothing = Self { kind, bits: 0, has_star: false };
        let parts = text.split(',').filter(|part| !part.is_empty());
        parts.map(|part| (part, part_of(kind, part, star_with_step))).try_fold(
            nothing,
            |all, (part, read)| {
                let read = read.map_err(|error| (part.to_owned(), error))?;
                let has_star = all.has_star || read.has_star;
                Ok(Self { kind, bits: all.bits | read.bits, has_star })
            },
        )
    }
}

/// Why a part of a field makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Where a number or a name should be is something else.
    #[error("is something else")]
    NoNumber,
    /// A number that the field does not have.
    #[error("is out of range")]
    OutOfRange,
    /// A range whose end is before its begin.
    #[error("ends before it begins")]
    Backwards,
    /// A step of nothing.
    #[error("has a step that is not above 0")]
    ZeroStep,
    /// More than one hyphen or slash.
    #[error("has more than one `-` or `/`")]
    TooManyParts,
}

/// Reads `number`, `number-number`, `*` or `?`, each with or without `/step` (`getRange`).
fn part_of(kind: FieldKind, part: &str, star_with_step: bool) -> Result<FieldSet, PartError> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let is_star = ["*", "?"].contains(&range.split('-').next().unwrap_or_default());
    let (first, last) = ends_of(kind, range, is_star, step.is_some())?;
    let step = match step {
        None => 1,
        Some(step) if step.contains('/') => return Err(PartError::TooManyParts),
        Some(step) => usize::try_from(plain_number(step)?).unwrap_or(usize::MAX),
    };
    if step == 0 {
        return Err(PartError::ZeroStep);
    }
    let bits = (first..=last).step_by(step).fold(0, |bits, number| bits | 1 << number);
    Ok(FieldSet { kind, bits, has_star: is_star && (star_with_step || step == 1) })
}

/// The first and the last number of a range; of `N/step` that is the greatest one.
fn ends_of(
    kind: FieldKind,
    range: &str,
    is_star: bool,
    has_step: bool,
) -> Result<(u32, u32), PartError> {
    let (lowest, highest) = kind.bounds();
    let (first, last) = match range.split_once('-') {
        // What follows the hyphen of `*-…` is not even looked at.
        _ if is_star => (lowest, highest),
        Some((_, last)) if last.contains('-') => return Err(PartError::TooManyParts),
        Some((first, last)) => (number(kind, first)?, number(kind, last)?),
        None if has_step => (number(kind, range)?, highest),
        None => (number(kind, range)?, number(kind, range)?),
    };
    if first < lowest || last > highest {
        return Err(PartError::OutOfRange);
    }
    if first > last { Err(PartError::Backwards) } else { Ok((first, last)) }
}

fn number(kind: FieldKind, text: &str) -> Result<u32, PartError> {
    kind.named(text).map_or_else(|| plain_number(text), Ok)
}

/// A number as Go's `strconv.Atoi` reads it: a sign is allowed, and one below 0 is none. One that is
/// too large here is out of every range, and steps beyond every one.
fn plain_number(text: &str) -> Result<u32, PartError> {
    let number: i64 = text.parse().map_err(|_| PartError::NoNumber)?;
    match number {
        ..0 => Err(PartError::NoNumber),
        number => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
    }
}
