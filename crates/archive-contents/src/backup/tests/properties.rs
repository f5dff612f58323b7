//! Laws of the check.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::page::{PAGE_BYTES, PageCheck, check_page};

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| archive("good"));

/// Page with content, of a relation that is neither a map nor unlogged.
#[derive(Clone, Copy, Debug)]
struct PlacedPage {
    /// Place in the archive.
    at: usize,
    block: u32,
}

static PAGES: LazyLock<Vec<PlacedPage>> = LazyLock::new(|| {
    let mut places = Vec::new();
    for path in ["base/5/16413", "base/5/16406", "base/5/16409"] {
        let name = [path.as_bytes(), &[0]].concat();
        // The header of the extended header has another name.
        let header = GOOD
            .windows(name.len())
            .position(|window| window == name)
            .unwrap();
        let size = GOOD.get(header + 124..header + 135).unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(size).unwrap(), 8).unwrap();
        let start = header + 512;
        for (block, at) in (0..).zip((start..start + size).step_by(PAGE_BYTES)) {
            if GOOD[at..at + PAGE_BYTES] != [0; PAGE_BYTES] {
                places.push(PlacedPage { at, block });
            }
        }
    }
    places
});

#[test]
fn pages_are_found_where_they_are() {
    assert!(PAGES.len() > 20, "{}", PAGES.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_result_does_not_depend_on_the_pieces(
        piece in 1_usize..20_000,
        place: prop::sample::Index,
    ) {
        let mut bytes = GOOD.clone();
        let place = place.index(bytes.len());
        bytes[place] ^= 0x55;
        let whole = checked(context("good"), &bytes, usize::MAX);
        prop_assert_eq!(checked(context("good"), &bytes, piece), whole);
    }

    #[test]
    fn any_flipped_bit_of_a_page_is_found(
        page: prop::sample::Index,
        place in 0..PAGE_BYTES,
        bit in 0_u8..8,
    ) {
        let page = page.get(&PAGES);
        let mut bytes = GOOD.clone();
        bytes[page.at + place] ^= 1 << bit;
        let changed = bytes[page.at..].first_chunk().unwrap();
        // One change in 65,535 yields the same checksum.
        prop_assume!(!matches!(check_page(changed, page.block, true), PageCheck::Sound { .. }));

        let checked = checked(context("good"), &bytes, 64 * 1024);
        prop_assert_eq!(checked.failing_pages.len(), 1);
        prop_assert!(!checked.is_sound());
    }

    #[test]
    fn an_archive_that_is_cut_is_a_fault(place: prop::sample::Index) {
        let end = GOOD.iter().rposition(|byte| *byte != 0).unwrap();
        let checked = checked(context("good"), &GOOD[..place.index(end)], 64 * 1024);
        prop_assert!(!checked.faults.is_empty());
    }

    /// Nothing is corrupt that WAL does not decide.
    #[test]
    fn a_verdict_is_that_of_a_naive_model(page: prop::sample::Index) {
        let mut bytes = GOOD.clone();
        bytes[page.get(&PAGES).at + 5000] ^= 1;
        let context = context("good");
        let checked = checked(context.clone(), &bytes, 64 * 1024);
        let failing = checked.failing_pages[0];
        let mut first = None;
        walk(&mut |record| {
            let is_in_range = context.begin <= Some(record.start()) && Some(record.start()) < context.end;
            for block in record.blocks().unwrap().into_iter().filter(|_| is_in_range) {
                if (block.relation, block.fork, block.block) == (failing.relation, failing.fork, failing.block) {
                    first.get_or_insert(block.is_rewritten);
                }
            }
        });

        let expected = if first == Some(true) { Verdict::Healed } else { Verdict::Corrupt };
        prop_assert_eq!(judged(&checked, &context).pages[0].verdict, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(noise: Vec<u8>, place: prop::sample::Index, piece in 1_usize..9000) {
        let mut bytes = GOOD.clone();
        let at = place.index(bytes.len());
        for (byte, noise) in bytes.iter_mut().skip(at).zip(noise) {
            *byte = noise;
        }
        let _ = checked(context("good"), &bytes, piece);
    }
}
