//! Names and numbers in certificates as short texts, whatever stands in them.

use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The longest name that is shown, in characters.
const SHOWN_NAME: usize = 256;

/// The most digits of a serial number that are shown; RFC 5280 allows 40.
const SHOWN_DIGITS: usize = 64;

/// A distinguished name as RFC 4514 writes it: what is most particular comes first.
pub(super) fn shown_name(name: &X509Name<'_>) -> String {
    let mut relative: Vec<_> = name.iter().collect();
    relative.reverse();
    let mut shown = String::new();
    for (index, relative) in relative.into_iter().enumerate() {
        for (place, attribute) in relative.iter().enumerate() {
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

fn push_attribute(shown: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let kind = attribute.attr_type();
    match oid2abbrev(kind, oid_registry()) {
        Ok(known) => shown.push_str(known),
        Err(_) => shown.push_str(&cut(&kind.to_id_string(), SHOWN_DIGITS)),
    }
    shown.push('=');
    if let Ok(text) = attribute.as_str() {
        push_escaped(shown, text);
    } else {
        shown.push('#');
        push_digits(shown, attribute.as_slice());
    }
}

/// What would be taken for something else, or steer whoever shows it, is escaped (RFC 4514, 2.4).
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

/// A serial number in hexadecimal digits, two for each byte, without zeros before it.
pub(super) fn shown_serial(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = bytes.get(zeros.min(bytes.len().saturating_sub(1))..).unwrap_or_default();
    let mut shown = String::new();
    push_digits(&mut shown, digits);
    cut(&shown, SHOWN_DIGITS)
}

fn push_digits(shown: &mut String, bytes: &[u8]) {
    shown.extend(bytes.iter().take(SHOWN_DIGITS).map(|byte| format!("{byte:02x}")));
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
