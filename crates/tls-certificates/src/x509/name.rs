//! Names and numbers in certificates as short texts, whatever stands in them.

use openssl::asn1::Asn1IntegerRef;
use openssl::nid::Nid;
use openssl::x509::{X509NameEntryRef, X509NameRef};

use super::der::attributes_by_relative_name;

/// Length of the longest name that is shown, in characters.
const SHOWN_NAME: usize = 256;

/// Maximum number of digits of a serial number that are shown; RFC 5280 allows 40.
const SHOWN_DIGITS: usize = 64;

/// Returns a distinguished name as RFC 4514 writes it: the most particular part comes first.
pub(super) fn shown_name(name: &X509NameRef) -> String {
    let mut attributes = name.entries();
    let sizes = attributes_by_relative_name(&name.to_der().unwrap_or_default());
    let mut relative_names: Vec<Vec<_>> = sizes
        .into_iter()
        .map(|size| attributes.by_ref().take(size).collect())
        .collect();
    relative_names.reverse();
    let mut shown = String::new();
    for (index, relative_name) in relative_names.iter().enumerate() {
        for (place, attribute) in relative_name.iter().enumerate() {
            shown.push_str(match (index, place) {
                (0, 0) => "",
                (_, 0) => ",",
                (_, _) => "+",
            });
            push_attribute(&mut shown, attribute);
        }
        if shown.len() > SHOWN_NAME * 4 {
            break;
        }
    }
    cut(&shown, SHOWN_NAME)
}

fn push_attribute(shown: &mut String, attribute: &X509NameEntryRef) {
    let kind = attribute.object();
    let abbreviation = Some(kind.nid()).filter(|nid| *nid != Nid::UNDEF);
    match abbreviation.and_then(|nid| nid.short_name().ok()) {
        Some(abbreviation) => shown.push_str(abbreviation),
        None => shown.push_str(&cut(&kind.to_string(), SHOWN_DIGITS)),
    }
    shown.push('=');
    // Converts each kind of string that a name may have, such as BMPString, to UTF-8.
    if let Ok(text) = attribute.data().to_string() {
        push_escaped(shown, &text);
    } else {
        shown.push('#');
        push_digits(shown, attribute.data().as_slice());
    }
}

/// Appends a text with everything escaped that would be taken for something else, or steer whoever
/// shows it (RFC 4514, 2.4).
fn push_escaped(shown: &mut String, text: &str) {
    for (index, letter) in text.chars().take(SHOWN_NAME).enumerate() {
        match letter {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => shown.extend(['\\', letter]),
            '#' | ' ' if index == 0 => shown.extend(['\\', letter]),
            letter if letter.is_control() => {
                let mut bytes = [0; 4];
                let bytes = letter.encode_utf8(&mut bytes).bytes();
                shown.extend(bytes.map(|byte| format!("\\{byte:02X}")));
            }
            letter => shown.push(letter),
        }
    }
}

/// Returns a serial number in hexadecimal digits, two for each byte, without leading zeros.
pub(super) fn shown_serial(serial: &Asn1IntegerRef) -> String {
    let Ok(number) = serial.to_bn() else {
        return String::new();
    };
    let bytes = number.to_vec();
    let mut shown = if number.is_negative() {
        "-".to_owned()
    } else {
        String::new()
    };
    push_digits(&mut shown, if bytes.is_empty() { &[0] } else { &bytes });
    cut(&shown, SHOWN_DIGITS)
}

fn push_digits(shown: &mut String, bytes: &[u8]) {
    shown.extend(
        bytes
            .iter()
            .take(SHOWN_DIGITS)
            .map(|byte| format!("{byte:02x}")),
    );
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
