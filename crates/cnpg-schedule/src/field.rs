//! Field of a cron expression: a set of numbers.

/// Kind of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS_OF_WEEK: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl FieldKind {
    /// All kinds, in the order of an expression.
    pub(super) const ALL: [Self; 6] = [
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::DayOfMonth,
        Self::Month,
        Self::DayOfWeek,
    ];

    /// Least and greatest number (robfig/cron, `spec.go`). Sunday is only 0.
    pub(super) const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    /// Name for people.
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

    /// Values that the field may have, for people.
    pub(super) const fn form(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "numbers from 0 to 59",
            Self::Hour => "numbers from 0 to 23",
            Self::DayOfMonth => "numbers from 1 to 31",
            Self::Month => "numbers from 1 to 12 or names from `jan` to `dec`",
            Self::DayOfWeek => "numbers from 0 (Sunday) to 6 or names from `sun` to `sat`",
        }
    }

    /// Returns the number of a name.
    fn named(self, text: &str) -> Option<u32> {
        let names: &[&str] = match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &DAYS_OF_WEEK,
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth => &[],
        };
        let text = text.to_lowercase();
        let (first, _) = self.bounds();
        for (name, number) in names.iter().zip(first..) {
            if *name == text {
                return Some(number);
            }
        }
        None
    }
}

/// Numbers that a field allows; none of them is above 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldSet {
    kind: FieldKind,
    bits: u64,
    /// True if the field contains a star that makes both kinds of day count (robfig/cron's `starBit`).
    pub(super) has_star: bool,
}

impl FieldSet {
    /// Returns the set of a star: every number.
    pub(super) fn all(kind: FieldKind) -> Self {
        let (least, most) = kind.bounds();
        Self {
            kind,
            bits: bits(least, most, 1),
            has_star: true,
        }
    }

    pub(super) const fn contains(&self, number: u32) -> bool {
        number < u64::BITS && self.bits & (1 << number) != 0
    }

    /// Returns the numbers, in order.
    pub(super) fn numbers(&self) -> Vec<u32> {
        let (least, most) = self.kind.bounds();
        (least..=most)
            .filter(|number| self.contains(*number))
            .collect()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// Returns true if the field contains every number.
    pub(super) fn is_whole(&self) -> bool {
        self.bits == Self::all(self.kind).bits
    }

    /// Returns true if the field contains only 0.
    pub(super) const fn is_zero(&self) -> bool {
        self.bits == 1
    }

    /// Reads a field as robfig/cron's `getField` does: ranges with commas between them. Further commas
    /// are allowed, and a field of commas only allows no number.
    ///
    /// # Errors
    /// If a part is wrong; with the part and the reason.
    pub(super) fn read(
        kind: FieldKind,
        text: &str,
        star_with_step: bool,
    ) -> Result<Self, (String, PartError)> {
        let mut all = Self {
            kind,
            bits: 0,
            has_star: false,
        };
        for part in text.split(',') {
            if part.is_empty() {
                continue;
            }
            let read = part_of(kind, part, star_with_step);
            let read = read.map_err(|error| (part.to_owned(), error))?;
            all.bits |= read.bits;
            all.has_star |= read.has_star;
        }
        Ok(all)
    }
}

/// Reason why a part of a field is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Text in the place of a number or a name.
    #[error("is something else")]
    NoNumber,
    /// A number that the field does not have.
    #[error("is out of range")]
    OutOfRange,
    /// A range whose end is before its start.
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
    let bits = bits(first, last, step);
    Ok(FieldSet {
        kind,
        bits,
        has_star: is_star && (star_with_step || step == 1),
    })
}

/// Returns one bit for each number of a range.
fn bits(first: u32, last: u32, step: usize) -> u64 {
    let mut bits = 0;
    for number in (first..=last).step_by(step) {
        bits |= 1 << number;
    }
    bits
}

/// Returns the first and the last number of a range. `N/step` ends with the greatest number.
fn ends_of(
    kind: FieldKind,
    range: &str,
    is_star: bool,
    has_step: bool,
) -> Result<(u32, u32), PartError> {
    let (lowest, highest) = kind.bounds();
    let (first, last) = match range.split_once('-') {
        // robfig/cron ignores the text after the hyphen of `*-…`.
        _ if is_star => (lowest, highest),
        Some((_, last)) if last.contains('-') => return Err(PartError::TooManyParts),
        Some((first, last)) => (number(kind, first)?, number(kind, last)?),
        None if has_step => (number(kind, range)?, highest),
        None => (number(kind, range)?, number(kind, range)?),
    };
    if first < lowest || last > highest {
        return Err(PartError::OutOfRange);
    }
    if first > last {
        Err(PartError::Backwards)
    } else {
        Ok((first, last))
    }
}

fn number(kind: FieldKind, text: &str) -> Result<u32, PartError> {
    match kind.named(text) {
        Some(number) => Ok(number),
        None => plain_number(text),
    }
}

/// Reads a number as Go's `strconv.Atoi` does: a sign is allowed, but not a number below 0. A number
/// that is too large here is out of every range, and a step beyond every range.
fn plain_number(text: &str) -> Result<u32, PartError> {
    let number: i64 = text.parse().map_err(|_| PartError::NoNumber)?;
    match number {
        ..0 => Err(PartError::NoNumber),
        number => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
    }
}
