//! Pages of relations: header and checksum.
//!
//! Rules of `PageIsVerified` in `bufpage.c` and of `checksum_impl.h`.

use barman_archive::postgres::Lsn;

use crate::bytes::{is_zero, u16_at, u32_at};

/// Size of a page, in bytes (`BLCKSZ`); other sizes need a server built for them.
pub const PAGE_BYTES: usize = 8192;

/// Flags that a page can have (`PD_VALID_FLAG_BITS`).
const KNOWN_FLAGS: u16 = 0x7;

/// Place of the checksum.
const CHECKSUM_AT: usize = 8;

/// Number of sums that are computed side by side (`N_SUMS`).
const SUMS: usize = 32;

/// `FNV_PRIME`.
const PRIME: u32 = 16_777_619;

/// First values of the sums (`checksumBaseOffsets`).
const BASE: [u32; SUMS] = [
    0x5B1F_36E9,
    0xB852_5960,
    0x02AB_50AA,
    0x1DE6_6D2A,
    0x79FF_467A,
    0x9BB9_F8A3,
    0x217E_7CD2,
    0x83E1_3D2C,
    0xF8D4_474F,
    0xE39E_B970,
    0x42C6_AE16,
    0x9932_16FA,
    0x7B09_3B5D,
    0x98DA_FF3C,
    0xF718_902A,
    0x0B1C_9CDB,
    0xE58F_764B,
    0x1876_36BC,
    0x5D7B_3BB1,
    0xE73D_E7DE,
    0x92BE_C979,
    0xCCA6_C0B2,
    0x304A_0979,
    0x85AA_43D4,
    0x7831_25BB,
    0x6CA8_EAA2,
    0xE407_EAC6,
    0x4B5C_FC3E,
    0x9FBF_8C76,
    0x15CA_20BE,
    0xF2CA_9FD3,
    0x959B_D756,
];

/// What a page looks like by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageCheck {
    /// All bytes are zero: a page that was never written, or lost its content.
    Zero,
    /// Header and checksum are right.
    Sound {
        /// Position of the last change.
        changed_at: Lsn,
    },
    /// The header makes no sense.
    BadHeader {
        /// Position of the last change that the header states.
        changed_at: Lsn,
    },
    /// The checksum is wrong.
    BadChecksum {
        /// Position of the last change that the header states.
        changed_at: Lsn,
    },
}

/// Checks a page.
///
/// `block` is the number of the page in its relation, over all files of it. `has_checksum` is true if
/// the cluster writes checksums.
#[must_use]
pub fn check_page(page: &[u8; PAGE_BYTES], block: u32, has_checksum: bool) -> PageCheck {
    if is_zero(page) {
        return PageCheck::Zero;
    }
    let number = |at| u16_at(page, at).unwrap_or_default();
    let half = |at| u64::from(u32_at(page, at).unwrap_or_default());
    let changed_at = Lsn(half(0) << 32 | half(4));
    if has_checksum && checksum(page, block) != number(CHECKSUM_AT) {
        return PageCheck::BadChecksum { changed_at };
    }
    let (flags, lower, upper, special) = (number(10), number(12), number(14), number(16));
    let is_plausible = flags & !KNOWN_FLAGS == 0
        && upper > 0
        && lower <= upper
        && upper <= special
        && usize::from(special) <= PAGE_BYTES
        && special.is_multiple_of(8);
    if is_plausible {
        PageCheck::Sound { changed_at }
    } else {
        PageCheck::BadHeader { changed_at }
    }
}

/// Computes the checksum of a page (`pg_checksum_page`), whatever its place of the checksum holds.
#[must_use]
pub fn checksum(page: &[u8; PAGE_BYTES], block: u32) -> u16 {
    let mut sums = BASE;
    let (rows, _) = page.as_chunks::<{ 4 * SUMS }>();
    for (index, row) in rows.iter().enumerate() {
        let (values, _) = row.as_chunks::<4>();
        for (place, (sum, value)) in sums.iter_mut().zip(values).enumerate() {
            let mut value = u32::from_le_bytes(*value);
            // The checksum itself counts as zero.
            if index == 0 && place == CHECKSUM_AT / 4 {
                value &= 0xFFFF_0000;
            }
            *sum = mixed(*sum, value);
        }
    }
    for _ in 0..2 {
        for sum in &mut sums {
            *sum = mixed(*sum, 0);
        }
    }
    let folded = sums.iter().fold(0, |folded, sum| folded ^ sum);
    let reduced = (folded ^ block) % 65_535 + 1;
    u16::try_from(reduced).unwrap_or_default()
}

/// `CHECKSUM_COMP`.
const fn mixed(sum: u32, value: u32) -> u32 {
    let mixed = sum ^ value;
    mixed.wrapping_mul(PRIME) ^ (mixed >> 17)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::{Member, MemberSink, TarReader};
    use crate::tests::base_backup;

    /// Member of an archive that is looked for, and its content.
    struct Wanted {
        path: &'static str,
        is_under_way: bool,
        content: Vec<u8>,
    }

    impl MemberSink for Wanted {
        fn begin(&mut self, member: &Member) {
            self.is_under_way = member.path == self.path;
        }

        fn content(&mut self, bytes: &[u8]) {
            if self.is_under_way {
                self.content.extend_from_slice(bytes);
            }
        }

        fn end(&mut self) {}
    }

    /// Content of a member of the archive of a real base backup.
    fn member(backup: &str, path: &'static str) -> Vec<u8> {
        let mut wanted = Wanted {
            path,
            is_under_way: false,
            content: Vec::new(),
        };
        let mut reader = TarReader::default();
        reader.feed(&base_backup(backup), &mut wanted).unwrap();
        wanted.content
    }

    fn checks(backup: &str, name: &'static str) -> Vec<PageCheck> {
        let content = member(backup, name);
        let (pages, _) = content.as_chunks::<PAGE_BYTES>();
        let numbered = (0..).zip(pages);
        numbered
            .map(|(block, page)| check_page(page, block, true))
            .collect()
    }

    #[test]
    fn pages_of_a_real_backup_are_sound() {
        let checks = checks("good", "base/5/16406");

        assert!(checks.len() > 3);
        for check in checks {
            assert!(matches!(check, PageCheck::Sound { .. }), "{check:?}");
        }
    }

    #[test]
    fn a_flipped_bit_breaks_the_checksum() {
        let check = checks("flip-rewritten-by-wal", "base/5/16406")[3];

        let changed_at = "0/2341D50".parse().unwrap();
        assert_eq!(check, PageCheck::BadChecksum { changed_at });
    }

    #[test]
    fn a_page_has_its_place() {
        let content = member("good", "base/5/16406");
        let (pages, _) = content.as_chunks::<PAGE_BYTES>();

        assert!(matches!(
            check_page(&pages[0], 1, true),
            PageCheck::BadChecksum { .. }
        ));
        assert!(matches!(
            check_page(&pages[0], 1, false),
            PageCheck::Sound { .. }
        ));
    }

    #[test]
    fn an_empty_page_is_neither_sound_nor_bad() {
        assert_eq!(check_page(&[0; PAGE_BYTES], 7, true), PageCheck::Zero);
    }
}
