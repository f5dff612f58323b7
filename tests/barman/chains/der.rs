//! Values of X.509 extensions, written byte by byte: the wrong ones too.

/// Encodes a value under a tag.
pub(crate) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut encoded = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ ..128) => encoded.push(short),
        Ok(long) => encoded.extend([0x81, long]),
        Err(_) => {
            let length = u16::try_from(content.len()).unwrap();
            encoded.push(0x82);
            encoded.extend(length.to_be_bytes());
        }
    }
    encoded.extend(content);
    encoded
}

/// Encodes a sequence.
pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

/// `BasicConstraints`.
pub(crate) fn basic_constraints(is_ca: bool, path_length: Option<u8>) -> Vec<u8> {
    let is_ca = if is_ca { vec![1, 1, 0xff] } else { Vec::new() };
    let path_length = path_length
        .map(|length| vec![2, 1, length])
        .unwrap_or_default();
    sequence(&[is_ca, path_length])
}

/// `KeyUsage`, by the numbers of its bits: 0 digitalSignature, 1 nonRepudiation, 2 keyEncipherment,
/// 4 keyAgreement, 5 keyCertSign, 6 cRLSign.
pub(crate) fn key_usage(bits: &[u8]) -> Vec<u8> {
    let octet = bits.iter().fold(0_u8, |octet, bit| octet | 0x80 >> bit);
    let unused = u8::try_from(octet.trailing_zeros().min(7)).unwrap();
    vec![3, 2, unused, octet]
}

/// `ExtendedKeyUsage`, by the last numbers of `id-kp`: 1 serverAuth, 2 clientAuth, 4 emailProtection.
pub(crate) fn extended_key_usage(purposes: &[u8]) -> Vec<u8> {
    let purpose = |last: &u8| vec![6, 8, 0x2b, 6, 1, 5, 5, 7, 3, *last];
    sequence(&purposes.iter().map(purpose).collect::<Vec<_>>())
}

/// `dNSName` of an alternative name.
pub(crate) fn dns(name: &[u8]) -> Vec<u8> {
    tagged(0x82, name)
}

/// `iPAddress` of an alternative name.
pub(crate) fn ip(address: &[u8]) -> Vec<u8> {
    tagged(0x87, address)
}

/// `NameConstraints` with one name that is permitted or excluded.
pub(crate) fn name_constraints(is_permitted: bool, name: Vec<u8>) -> Vec<u8> {
    let subtrees = tagged(if is_permitted { 0xa0 } else { 0xa1 }, &sequence(&[name]));
    sequence(&[subtrees])
}

/// `AuthorityKeyIdentifier` with the identifier of a key.
pub(crate) fn names_key(identifier: &[u8]) -> Vec<u8> {
    sequence(&[tagged(0x80, identifier)])
}

/// `AuthorityKeyIdentifier` with an issuer, as DER, and a serial number.
pub(crate) fn names_issuer(issuer: &[u8], serial: u8) -> Vec<u8> {
    let issuer = tagged(0xa1, &tagged(0xa4, issuer));
    sequence(&[issuer, vec![0x82, 1, serial]])
}

/// `CertificatePolicies` with one unknown policy.
pub(crate) fn policies() -> Vec<u8> {
    sequence(&[sequence(&[vec![6, 3, 0x2a, 3, 4]])])
}
