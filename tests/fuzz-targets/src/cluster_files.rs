//! Files of a database cluster that base backups hold.

use archive_contents::control::{CONTROL_FILE_BYTES, ControlFault, ControlFile};
use archive_contents::page::{PAGE_BYTES, PageCheck, check_page};

use crate::input::Input;

/// Versions of `pg_control`, and the place of its checksum in each.
const CHECKSUMS: [(u32, usize); 7] = [
    (1002, 288),
    (1100, 280),
    (1201, 288),
    (1300, 288),
    (1700, 288),
    (1800, 292),
    (1902, 304),
];

/// Makes the checksum of a control file right, if its version is known.
pub(crate) fn with_control_sum(content: &mut [u8]) -> Option<usize> {
    let version = u32::from_le_bytes(content.get(8..12)?.try_into().ok()?);
    let (_, at) = *CHECKSUMS.iter().find(|(known, _)| *known == version)?;
    let sum = crc32c::crc32c(content.get(..at)?);
    content
        .get_mut(at..at + 4)?
        .copy_from_slice(&sum.to_le_bytes());
    Some(at)
}

/// `pg_control`.
///
/// Input: true to make the checksum right, place of a bit; the file, filled up with zeros.
pub fn control(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_repaired = input.byte() & 1 == 1;
    let bit = usize::from(input.u16());
    let content = input.rest();

    assert!(content.len() >= CONTROL_FILE_BYTES || ControlFile::read(content).is_err());

    let mut content = content.to_vec();
    content.resize(content.len().max(CONTROL_FILE_BYTES), 0);
    let checksum_at = is_repaired
        .then(|| with_control_sum(&mut content))
        .flatten();
    let read = ControlFile::read(&content);
    if let Some(checksum_at) = checksum_at {
        let control = read.unwrap();
        assert_eq!(control.system_identifier.to_le_bytes(), content[..8]);
        let bit = bit % (checksum_at * 8);
        content[bit / 8] ^= 1 << (bit % 8);
        // Only of another version it may be sound again, and then not by its checksum.
        assert!(ControlFile::read(&content).is_err());
    } else {
        let is_of_checksum = matches!(
            read,
            Ok(_) | Err(ControlFault::Checksum | ControlFault::UnknownVersion(_))
        );
        assert!(is_of_checksum);
    }
}

/// Pages of a relation.
///
/// Input: block number of the first; the pages, of which the last one is filled up with zeros.
pub fn pages(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let first = input.u32();
    for (index, content) in (0..).zip(input.rest().chunks(PAGE_BYTES)) {
        let block = first.wrapping_add(index);
        let mut page = [0; PAGE_BYTES];
        page[..content.len()].copy_from_slice(content);
        let with_sum = check_page(&page, block, true);
        let by_header = check_page(&page, block, false);
        assert_eq!(by_header, naive_check(&page));
        match with_sum {
            PageCheck::BadChecksum { .. } => assert_ne!(by_header, PageCheck::Zero),
            PageCheck::Zero | PageCheck::Sound { .. } | PageCheck::BadHeader { .. } => {
                assert_eq!(with_sum, by_header);
            }
        }
    }
}

/// Checks a header by the words of `PageIsVerified`, in `PostgreSQL`'s `bufpage.c`.
fn naive_check(page: &[u8; PAGE_BYTES]) -> PageCheck {
    let number = |at: usize| u16::from_le_bytes([page[at], page[at + 1]]);
    let long = |at: usize| u64::from(number(at)) | u64::from(number(at + 2)) << 16;
    let changed_at = barman_archive::postgres::Lsn(long(0) << 32 | long(4));
    if *page == [0; PAGE_BYTES] {
        PageCheck::Zero
    } else if number(10) <= 7
        && number(12) <= number(14)
        && number(14) <= number(16)
        && number(14) != 0
        && number(16) <= 8192
        && number(16) % 8 == 0
    {
        PageCheck::Sound { changed_at }
    } else {
        PageCheck::BadHeader { changed_at }
    }
}
