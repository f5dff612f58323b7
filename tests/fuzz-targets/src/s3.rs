//! Answers of stores with the S3 API.

use archive_store::EntityTags;
use archive_store_s3::fuzzing::{self, Refusal};

use crate::input::Input;

/// Page of objects: the same as the SDK's, or an error.
pub fn s3_pages(bytes: &[u8]) {
    let page = fuzzing::page(bytes, EntityTags::OfSmallObjects);
    let with_all_tags = fuzzing::page(bytes, EntityTags::OfAllObjects);
    assert_eq!(page.is_some(), with_all_tags.is_some());
    let Some(page) = page else {
        return;
    };
    assert!(page.objects.len() <= bytes.len() / "<Contents/>".len());
    assert_eq!(Some(page), fuzzing::page_of_the_sdk(bytes));
}

/// Pages of unfinished uploads and of parts, errors, and headers.
///
/// Input: HTTP status, length of the headers' value; the value, the answer.
pub fn s3_answers(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let status = 100 + input.u16() % 500;
    let length = input.byte();
    let header = String::from_utf8_lossy(input.bytes(length.into()));
    let answer = input.rest();
    if let Some((uploads, _)) = fuzzing::uploads(answer) {
        assert!(uploads.len() <= answer.len() / "<Upload/>".len());
    }
    let _ = fuzzing::parts(answer);
    if let Some(refusal) = fuzzing::refusal(status, &header, answer) {
        assert_is_readable(&refusal);
    }
    let _ = fuzzing::checksums(&header);
    if let Some((Some(bytes), _)) = fuzzing::content_range(&header) {
        assert!(!bytes.is_empty());
    }
}

/// What stands in logs and host names has no character that means something there.
fn assert_is_readable(refusal: &Refusal) {
    let texts = [refusal.error.to_string(), refusal.cause.clone()];
    for text in texts {
        assert!(!text.contains(char::is_control));
    }
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if let Some(region) = &refusal.region {
        assert!(region.len() <= 63 && region.chars().all(is_name));
    }
}
