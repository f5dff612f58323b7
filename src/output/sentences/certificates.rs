//! Sentences about certificates.

use chrono::{DateTime, TimeDelta, Utc};

use crate::health::MemberOfChain;
use crate::output::words::{duration, moment_in_words};

pub(super) fn expired(certificate: &MemberOfChain, ago: &str, leaf_verifies: bool) -> String {
    let name = in_words(certificate);
    format!("{name} expired {ago}{}", unless_needed(leaf_verifies))
}

pub(super) fn not_yet_valid(
    certificate: &MemberOfChain,
    begins_at: DateTime<Utc>,
    leaf_verifies: bool,
) -> String {
    let (name, begins_at) = (in_words(certificate), moment_in_words(begins_at));
    format!(
        "{name} is not valid before {begins_at}{}",
        unless_needed(leaf_verifies)
    )
}

pub(super) fn ending(certificate: &MemberOfChain, left: TimeDelta) -> String {
    format!(
        "{} expires in {}: renewal is overdue",
        in_words(certificate),
        duration(left)
    )
}

const fn unless_needed(leaf_verifies: bool) -> &'static str {
    if leaf_verifies {
        "; the leaf verifies without it"
    } else {
        ""
    }
}

fn in_words(certificate: &MemberOfChain) -> String {
    match certificate {
        MemberOfChain::Leaf => "The certificate".to_owned(),
        MemberOfChain::Authority(subject) => {
            format!("The certificate of `{subject}` in the chain")
        }
    }
}
