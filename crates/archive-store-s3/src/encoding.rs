//! Encoding of keys in a listing with `encoding-type=url`.

use percent_encoding::percent_decode_str;

/// Undoes the encoding of S3's listings: percent signs, and `+` for a space.
///
/// Bytes that are not UTF-8 become replacement characters: Barman's keys do not have any, and one odd
/// key must not stop a scan.
pub(super) fn decode(text: String) -> String {
    // Most keys do not contain encoded characters.
    if !text
        .bytes()
        .fold(false, |found, byte| found | matches!(byte, b'%' | b'+'))
    {
        return text;
    }
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::decode;

    #[test]
    fn a_plus_is_a_space_and_an_encoded_plus_is_a_plus() {
        assert_eq!(
            decode("barman/a+b%2Bc%2F%C3%BC%0A".to_owned()),
            "barman/a b+c/ü\n"
        );
    }

    #[test]
    fn broken_encodings_are_kept_or_replaced() {
        assert_eq!(decode("100%/%zz%ff".to_owned()), "100%/%zz\u{fffd}");
    }

    proptest! {
        #[test]
        fn a_key_survives_a_round_trip(key in any::<String>()) {
            let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();

            prop_assert_eq!(decode(encoded), key);
        }
    }
}
