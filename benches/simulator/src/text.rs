//! Numbers and moments in the form of keys and listings. A page contains thousands of them.

/// Case of the letters among hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Letters {
    Upper,
    Lower,
}

/// Writes the last `count` digits of a number, in hexadecimal.
pub(crate) fn write_hex(text: &mut Vec<u8>, number: u64, digits: u32, letters: Letters) {
    let ten = match letters {
        Letters::Upper => b'A',
        Letters::Lower => b'a',
    };
    for place in (0..digits).rev() {
        let digit = u8::try_from(number >> (4 * place) & 0xf).unwrap_or(0);
        text.push(if digit < 10 {
            b'0' + digit
        } else {
            ten + digit - 10
        });
    }
}

/// Writes the last `count` digits of a number, in decimal.
pub(crate) fn write_decimal(text: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        text.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

/// Splits a moment in seconds of Unix time into year, month, day, hour, minute and second.
///
/// By Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub(crate) fn civil(seconds: u64) -> [u64; 6] {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    [year, month, day, rest / 3600, rest / 60 % 60, rest % 60]
}

/// Writes a moment, the marks before each of its parts but the first as given.
pub(crate) fn write_moment(text: &mut Vec<u8>, seconds: u64, marks: [&str; 5]) {
    let [year, parts @ ..] = civil(seconds);
    write_decimal(text, year, 4);
    for (mark, part) in marks.into_iter().zip(parts) {
        text.extend_from_slice(mark.as_bytes());
        write_decimal(text, part, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(civil(0), [1970, 1, 1, 0, 0, 0]);
        assert_eq!(civil(951_782_400), [2000, 2, 29, 0, 0, 0]);
        assert_eq!(civil(1_798_761_599), [2026, 12, 31, 23, 59, 59]);
    }

    #[test]
    fn numbers_have_all_their_digits() {
        let mut text = Vec::new();
        write_hex(&mut text, 0x1_02AB, 4, Letters::Upper);
        write_hex(&mut text, 0xf, 2, Letters::Lower);
        write_decimal(&mut text, 42, 4);

        assert_eq!(text, b"02AB0f0042");
    }
}
