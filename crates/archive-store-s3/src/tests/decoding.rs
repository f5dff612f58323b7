//! Pages, decoded by us and by the SDK: the same page, or an error of ours.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::fuzzing::{page as with_tags, page_of_the_sdk as of_the_sdk};

/// The page as we decode it; `None` for every error.
fn ours(body: &[u8]) -> Option<ListPage> {
    with_tags(body, EntityTags::OfSmallObjects)
}

const AWS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix><NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><Contents><Key>p/a%3Ab+c</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e-2&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>16777216</Size><Owner><ID>75aa</ID></Owner><StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2026-02-02T00:00:00.000Z</RestoreExpiryDate></RestoreStatus></Contents><CommonPrefixes><Prefix>p/base/</Prefix></CommonPrefixes></ListBucketResult>"#;

const MINIO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><Delimiter></Delimiter><IsTruncated>false</IsTruncated><Contents><Key>p/a%2Bb</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&#34;d41d8cd98f00b204e9800998ecf8427e&#34;</ETag><Size>0</Size><Owner><ID>02d6</ID><DisplayName>minio</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents><EncodingType>url</EncodingType></ListBucketResult>"#;

const SEAWEED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes><ContinuationToken></ContinuationToken><Contents><ETag>&#34;0f&#34;</ETag><Key>k</Key><LastModified>2026-01-02T03:04:05Z</LastModified><Owner><DisplayName>me</DisplayName><ID>me</ID></Owner><Size>5</Size><StorageClass>STANDARD</StorageClass></Contents><Delimiter>/</Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><Name>b</Name><NextContinuationToken>k</NextContinuationToken><Prefix></Prefix><StartAfter></StartAfter></ListBucketResult>"#;

const CEPH: &str = r#"<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Contents><Key>k</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;0f&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass><Type>Normal</Type></Contents><Marker></Marker></ListBucketResult>"#;

const PRETTY: &str = "<?xml version='1.0' encoding='utf-8' standalone=\"yes\" ?>\r\n\
    <!-- of a proxy -->\r\n<s3:ListBucketResult\r\n  xmlns:s3 = 'urn:s3'>\r\n  <s3:Contents>\r\n    \
    <s3:Key>a&lt;&amp;&gt;&apos;&#x41;&#66;b > c</s3:Key>\r\n    <s3:Size>1</s3:Size >\r\n    \
    <s3:LastModified>2026-01-02T03:04:05+02:00</s3:LastModified>\r\n    <s3:ETag/>\r\n    \
    <Odd a='1' b=\"2\"><Key>no</Key><!-- - -->text &amp; <!-- - -->text</Odd>\r\n  </s3:Contents>\r\n\
    </s3:ListBucketResult>\r\n";

const REAL_PAGES: [&str; 6] = [AWS, MINIO, SEAWEED, CEPH, PRETTY, EMPTY_PAGE];

#[test]
fn pages_of_real_stores_are_read_as_the_sdk_reads_them() {
    for page in REAL_PAGES {
        let with_mark = format!("\u{feff}{page}");

        let (found, expected) = (ours(page.as_bytes()), of_the_sdk(page.as_bytes()));

        assert!(found.is_some(), "{page}");
        assert_eq!(found, expected, "{page}");
        assert_eq!(ours(with_mark.as_bytes()), expected, "{page}");
    }
}

#[test]
fn a_page_has_what_its_fields_say() {
    let page = ours(PRETTY.as_bytes()).unwrap();

    let object = ListedObject {
        key: "a<&>'ABb > c".to_owned(),
        size: 1,
        last_modified: "2026-01-02T01:04:05Z".parse().unwrap(),
        etag: Some(String::new()),
        storage_class: None,
    };
    assert_eq!(
        page,
        ListPage {
            objects: vec![object],
            ..ListPage::default()
        }
    );
}

#[test]
fn tags_of_large_objects_are_there_if_they_are_asked_for() {
    let tag = |tags| {
        with_tags(AWS.as_bytes(), tags).unwrap().objects[0]
            .etag
            .clone()
    };

    assert_eq!(tag(EntityTags::OfSmallObjects), None);
    assert_eq!(
        tag(EntityTags::OfAllObjects).as_deref(),
        Some("d41d8cd98f00b204e9800998ecf8427e-2")
    );
}

/// An object with these fields in a listing, after one that is fine.
fn with_fields(fields: &str) -> String {
    let at = "<LastModified>2026-01-02T03:04:05Z</LastModified>";
    format!(
        "<ListBucketResult><Contents><Key>first</Key><Size>1</Size>{at}</Contents>\
         <Contents><Key>k</Key><Size>1</Size>{at}{fields}</Contents></ListBucketResult>"
    )
}

#[test]
fn what_the_sdk_reads_of_odd_values_is_read_alike() {
    for fields in [
        "<Key>last</Key>",
        "<Key/>",
        "<Key></Key>",
        "<Key>  k\n</Key>",
        "<Key a='b'>k</Key>",
        "<Key>&#1;&#xD;\u{85}</Key>",
        "<Size>+5</Size>",
        "<Size>9223372036854775807</Size>",
        "<LastModified>2026-01-02t03:04:05z</LastModified>",
        "<LastModified>2026-01-02T03:04:05.123456789Z</LastModified>",
        "<LastModified>2026-01-02T03:04:05-11:30</LastModified>",
        "<LastModified>0000-01-01T00:00:00Z</LastModified>",
        "<LastModified>9999-12-31T23:59:59.999Z</LastModified>",
        "<ETag>\"quoted\"</ETag>",
        "<ETag>&quot;&quot;twice&quot;&#34;</ETag>",
        "<ETag>&amp;quot;</ETag>",
        "<ETag>a&quot;b&#x22;</ETag>",
        "<StorageClass></StorageClass>",
        "<Owner><Odd><ID>1</ID></Odd></Owner>",
        "<Unknown><Contents><Key>no</Key></Contents></Unknown>",
    ] {
        let body = with_fields(fields);

        let found = ours(body.as_bytes());

        assert!(found.is_some(), "{fields}");
        assert_eq!(found, of_the_sdk(body.as_bytes()), "{fields}");
    }
}

/// Fields that make an object, and so a listing, senseless.
const SENSELESS: [&str; 39] = [
    "<Key><![CDATA[k]]></Key>",
    "<Key>a<!-- b -->c</Key>",
    "<Key>a<b/></Key>",
    "<Key>a]]>b</Key>",
    "<Key>&unknown;</Key>",
    "<Key>&amp</Key>",
    "<Key>&#xD800;</Key>",
    "<Key>\u{1}</Key>",
    "<Key>\u{fffe}</Key>",
    "<Key a=b>k</Key>",
    "<Key a='1'b='2'>k</Key>",
    "<Key a='&odd;'>k</Key>",
    "<Key>k</key>",
    "<Key>k",
    "<Size> 1</Size>",
    "<Size>1.0</Size>",
    "<Size>-1</Size>",
    "<Size>9223372036854775808</Size>",
    "<Size/>",
    "<LastModified/>",
    "<LastModified>2026-02-30T00:00:00Z</LastModified>",
    "<LastModified>2026-01-02T24:00:00Z</LastModified>",
    "<LastModified>2026-01-02 03:04:05</LastModified>",
    "<Owner><ID><b/></ID></Owner>",
    "<RestoreStatus><IsRestoreInProgress>no</IsRestoreInProgress></RestoreStatus>",
    "<RestoreStatus><RestoreExpiryDate>soon</RestoreExpiryDate></RestoreStatus>",
    "<ChecksumType><b/></ChecksumType>",
    "</Contents></ListBucketResult><ListBucketResult><Contents>",
    "<Odd>a]]>b</Odd>",
    "<Odd>&]]>b;</Odd>",
    "<Odd a='>'/>",
    "<Key><!-- a --> </Key>",
    "<?php echo 1 ?>",
    "<!-- a -- b -->",
    "<!-- a --->",
    "<1/>",
    "< Odd/>",
    "<a:b:c/>",
    "text",
];

#[test]
fn what_makes_no_sense_is_an_error() {
    let bodies = SENSELESS.map(with_fields);
    let whole = [
        String::new(),
        "\u{feff}\u{feff}".to_owned() + EMPTY_PAGE,
        format!(" <?xml version='1.0'?>{EMPTY_PAGE}"),
        format!("<?xml?>{EMPTY_PAGE}"),
        format!("<!DOCTYPE ListBucketResult>{EMPTY_PAGE}"),
        format!("{EMPTY_PAGE}{EMPTY_PAGE}"),
        format!("{EMPTY_PAGE}garbage"),
        EMPTY_PAGE.replace("false", "no"),
        EMPTY_PAGE.replace("ListBucketResult", "ListBucket"),
        EMPTY_PAGE.replace("<IsTruncated>", "<MaxKeys>many</MaxKeys><IsTruncated>"),
        "<ListBucketResult><Odd>".repeat(10_000),
    ];
    for body in bodies.iter().chain(&whole) {
        assert_eq!(ours(body.as_bytes()), None, "{body}");
    }
    assert_eq!(ours(&[EMPTY_PAGE.as_bytes(), b"\xff"].concat()), None);
}

/// A text with its forbidden characters escaped, in one of several ways.
fn escaped(text: &str, way: u8) -> String {
    let escape = |c: char| match (c, way % 4) {
        ('<', 0) => "&lt;".to_owned(),
        ('>', 0) => "&gt;".to_owned(),
        ('&', 0) => "&amp;".to_owned(),
        ('"', 0) => "&quot;".to_owned(),
        ('\'', 0) => "&apos;".to_owned(),
        ('<' | '>' | '&' | '"', 1) => format!("&#{};", u32::from(c)),
        ('<' | '>' | '&', 2) => format!("&#x{:X};", u32::from(c)),
        (c, 3) => format!("&#x{:x};", u32::from(c)),
        (c, _) => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// What may stand between the elements of an object or a listing without a meaning for us.
fn noise() -> impl Strategy<Value = &'static str> {
    select(&[
        "",
        "",
        " ",
        "\r\n\t",
        "<!-- c -->",
        "<Odd a='b' c = \"d/\"><Key>1</Key>mixed &amp; text</Odd>",
        "<x:Odd/>",
        "<Owner><ID>i</ID><DisplayName>&lt;</DisplayName></Owner>",
        "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>",
    ])
}

fn field(name: &'static str, text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (text, any::<u8>(), noise()).prop_map(move |(text, way, noise)| {
        let text = escaped(&text, way);
        format!("<{name}>{text}</{name}>{noise}")
    })
}

fn moment_text() -> impl Strategy<Value = String> {
    let digits = "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]";
    let form = select(&["Z", ".000Z", ".987Z", ".5Z", "+01:00"]);
    prop_oneof![
        9 => (0..253_402_300_800_i64).prop_map(|at| {
            chrono::DateTime::from_timestamp(at, 0).unwrap().format("%FT%T.%3fZ").to_string()
        }),
        1 => (digits, form).prop_map(|(digits, form)| digits + form),
    ]
}

fn contents() -> impl Strategy<Value = String> {
    let required = (
        field("Key", "[a-z0-9/%+]{0,6}\\PC{0,6}"),
        field("Size", (0..=i64::MAX).prop_map(|size| size.to_string())),
        field("LastModified", moment_text()),
    );
    let optional = (
        prop::option::of(field("ETag", "\"{0,2}[0-9a-f&\"]{0,6}\"{0,2}")),
        prop::option::of(field("StorageClass", "[A-Z_]{0,9}")),
    );
    let fields = (required, optional).prop_map(|((key, size, at), (etag, class))| {
        [Some(key), Some(size), Some(at), etag, class]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    });
    (fields.prop_shuffle(), noise())
        .prop_map(|(fields, noise)| format!("<Contents>{noise}{}</Contents>", fields.concat()))
}

fn listing() -> impl Strategy<Value = String> {
    let prefix = field("Prefix", "\\PC{0,6}")
        .prop_map(|prefix| format!("<CommonPrefixes>{prefix}</CommonPrefixes>"));
    let parts = (
        prop::collection::vec(prop_oneof![4 => contents(), 1 => prefix], 0..4),
        prop::option::of(field(
            "EncodingType",
            select(&["url", "URL"]).prop_map(str::to_owned),
        )),
        prop::option::of(field(
            "IsTruncated",
            any::<bool>().prop_map(|target| target.to_string()),
        )),
        field("NextContinuationToken", "\\PC{0,6}"),
    );
    let fields = parts.prop_map(|(mut fields, encoding, truncated, token)| {
        fields.extend(encoding.into_iter().chain(truncated).chain([token]));
        fields
    });
    let declaration = select(&["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"]);
    (declaration, fields.prop_shuffle(), noise()).prop_map(|(declaration, fields, noise)| {
        let content = fields.concat();
        format!("{declaration}<ListBucketResult xmlns='u'>{noise}{content}</ListBucketResult>")
    })
}

/// Texts that have a meaning in XML or in a listing.
const TOKENS: [&str; 26] = [
    "<",
    ">",
    "&",
    ";",
    "/",
    "\"",
    "]",
    "]]>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<?",
    "?>",
    "&#",
    "\0",
    "\u{fffe}",
    "\u{feff}",
    "<Key>",
    "</Key>",
    "<Contents>",
    "</Contents>",
    "<Contents/>",
    "<a b='c'>",
    "</ListBucketResult>",
    "<x:",
    " b='c'",
];

/// Texts that harm little in most places.
const MILD_TOKENS: [&str; 16] = [
    " ",
    "\n",
    "7",
    "x",
    "+",
    ":",
    "-",
    "&lt;",
    "&#x22;",
    "\u{e4}",
    "<!-- c -->",
    "<Key/>",
    "<Size>7</Size>",
    "<ETag>e</ETag>",
    "<a b='c'/>",
    "<IsTruncated>false</IsTruncated>",
];

#[derive(Clone, Debug)]
enum Mutation {
    Truncate,
    Delete,
    Repeat,
    Overwrite(u8),
    Insert(&'static str),
}

fn mutation() -> impl Strategy<Value = (Mutation, Index, usize)> {
    let kind = prop_oneof![
        1 => Just(Mutation::Truncate),
        2 => Just(Mutation::Delete),
        2 => Just(Mutation::Repeat),
        1 => any::<u8>().prop_map(Mutation::Overwrite),
        6 => (b' '..=b'~').prop_map(Mutation::Overwrite),
        6 => select(&TOKENS).prop_map(Mutation::Insert),
        12 => select(&MILD_TOKENS).prop_map(Mutation::Insert),
    ];
    (kind, any::<Index>(), 1..40_usize)
}

fn mutated(body: String, mutations: &[(Mutation, Index, usize)]) -> Vec<u8> {
    let mut body = body.into_bytes();
    for (mutation, place, length) in mutations {
        let from = place.index(body.len() + 1);
        let to = body.len().min(from + length);
        match mutation {
            Mutation::Truncate => body.truncate(from),
            Mutation::Delete => drop(body.drain(from..to)),
            Mutation::Repeat => {
                let again = body[from..to].to_vec();
                drop(body.splice(to..to, again));
            }
            Mutation::Overwrite(byte) => {
                body[from..to]
                    .iter_mut()
                    .take(1)
                    .for_each(|target| *target = *byte);
            }
            Mutation::Insert(token) => drop(body.splice(from..from, token.bytes())),
        }
    }
    body
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_listing_is_read_as_the_sdk_reads_it(body in listing()) {
        let expected = of_the_sdk(body.as_bytes());

        prop_assert_eq!(ours(body.as_bytes()), expected);
    }

    #[test]
    fn a_damaged_listing_is_read_as_by_the_sdk_or_is_an_error(
        body in listing(),
        mutations in prop::collection::vec(mutation(), 1..3),
    ) {
        let body = mutated(body, &mutations);

        if let Some(page) = ours(&body) {
            prop_assert_eq!(Some(page), of_the_sdk(&body), "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn a_damaged_real_page_is_read_as_by_the_sdk_or_is_an_error(
        page in select(&REAL_PAGES),
        mutations in prop::collection::vec(mutation(), 1..3),
    ) {
        let body = mutated(page.to_owned(), &mutations);

        if let Some(page) = ours(&body) {
            prop_assert_eq!(Some(page), of_the_sdk(&body), "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in any::<Vec<u8>>(), text in "[<>/&;a-c'\"=!?-]{0,40}") {
        ours(&body);
        ours(text.as_bytes());
        ours(format!("<ListBucketResult>{text}</ListBucketResult>").as_bytes());
    }
}
