//! Translation of the SDK's errors.

use std::error::Error;
use std::{io, iter};

use archive_store::Operation;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::credentials::CredentialFileError;
use super::http::TlsFault;
use super::ranges::ContentRange;
use crate::fault::{ErrorAnswer, Fault};

/// Maximum number of characters of a store's text that are shown.
const MAX_TEXT: usize = 500;

/// Classifies a failed call, as far as the SDK's error allows.
pub(super) fn fault<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> Fault {
    match error {
        SdkError::TimeoutError(_) => Fault::Timeout,
        SdkError::ServiceError(_) | SdkError::ResponseError(_) if is_no_refusal(error) => {
            broken_connection(error).unwrap_or(Fault::Senseless)
        }
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => answer(error),
        SdkError::ConstructionFailure(_) => no_credentials(error).unwrap_or(Fault::Unbuildable),
        SdkError::DispatchFailure(_) | _ => no_credentials(error)
            .or_else(|| broken_connection(error))
            .unwrap_or(Fault::NoConnection),
    }
}

/// Returns the region that an answer points to, if the request failed only because of its region.
pub(super) fn region_to_follow<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E, HttpResponse>,
    operation: Operation,
) -> Option<String> {
    match fault(error) {
        Fault::Answer(answer) => answer.region_to_follow(operation).map(str::to_owned),
        Fault::NoCredentials(_)
        | Fault::Timeout
        | Fault::NoTls(_)
        | Fault::NoConnection
        | Fault::Senseless
        | Fault::Replaced
        | Fault::WholeObject
        | Fault::Unbuildable => None,
    }
}

/// Returns the size that the store states for an object when a range is beyond its end: in a header
/// (RFC 9110, chapter 15.5.17), or in the text of the error, as S3 does.
pub(super) fn object_size<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> Option<u64> {
    let response = error.raw_response()?;
    if response.status().as_u16() != 416 {
        return None;
    }
    if let Some(header) = response.headers().get("content-range") {
        return ContentRange::parse(header)?.object_size;
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    between(body, "<ActualObjectSize>", "</ActualObjectSize>")?
        .parse()
        .ok()
}

/// Describes the cause in one line, as far as it is known: the store's own words, without the
/// request, which holds the signature, and without the answer's headers, except those that show
/// its sender. Empty if nothing is known.
pub(super) fn rendered<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> String {
    let Some(response) = error.raw_response() else {
        return render_chain(error);
    };
    let meta = error.meta();
    let text = match (meta.code(), meta.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => joined(&[sender(response), render_chain(error)], ": "),
    };
    let status = format!("status {}", response.status());
    let answer = joined(&[status, text], ", ");
    match meta.request_id() {
        Some(id) => one_line(&format!("{answer} (request `{id}`)")),
        None => one_line(&answer),
    }
}

/// Joins the texts that are not empty.
fn joined(texts: &[String], separator: &str) -> String {
    let mut joined = String::new();
    for text in texts {
        if !joined.is_empty() && !text.is_empty() {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    joined
}

/// Describes the sender of an answer that is not in S3's terms, as far as its headers show.
fn sender(response: &HttpResponse) -> String {
    let headers = response.headers();
    let mut parts = Vec::new();
    if let Some(content_type) = headers.get("content-type") {
        parts.push(format!("with content of type `{content_type}`"));
    }
    if let Some(server) = headers.get("server") {
        parts.push(format!("from `{server}`"));
    }
    parts.join(" ")
}

/// Renders the chain of errors in one line, without repetitions and without words that only
/// concern the SDK.
pub(super) fn render_chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in chain(error).filter_map(own_words) {
        if !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
    }
    one_line(&texts.join(": "))
}

/// Returns the part of an error's text that helps an operator; `None` for words that only concern
/// the SDK.
fn own_words(error: &(dyn Error + 'static)) -> Option<String> {
    let text = error.to_string();
    // The code of an error that the SDK does not know, such as one of a credentials service.
    if let Some(code) = text.strip_prefix("unhandled error (") {
        return code.strip_suffix(')').map(str::to_owned);
    }
    let lower = text.to_lowercase();
    if let Some((_, found)) = text.split_once("invalid XML root: ") {
        let root = between(found, "local: \"", "\"").unwrap_or_default();
        return Some(format!("the XML has the root `{root}`"));
    }
    let is_empty = matches!(lower.as_str(), "" | "other" | "error") || text.starts_with("Error {");
    let is_of_the_sdk = is_empty || SDK_WORDS.iter().any(|words| lower.contains(words));
    (!is_of_the_sdk).then_some(text)
}

/// Phrases, in lower case, from texts of the SDK and its HTTP client that do not help an operator.
const SDK_WORDS: [&str; 19] = [
    "sdk",
    "dispatch failure",
    "service error",
    "response error",
    "construction failure",
    "failed to construct",
    "unhandled error",
    "unexpected error",
    "a bug",
    "io error",
    "client error",
    "error trying to connect",
    "error sending request",
    "an error occurred while",
    "the credential provider",
    "identity resolver",
    "streaming error",
    "request has timed out",
    "attempt timeout",
];

/// Classifies the failure of a body that broke off while it was read.
pub(super) fn body_fault(error: &(dyn Error + 'static)) -> Fault {
    broken_connection(error).unwrap_or(Fault::NoConnection)
}

/// Returns whether the store answered with success, but the SDK could not read the answer.
fn is_no_refusal<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> bool {
    error.code().is_none()
        && error
            .raw_response()
            .is_some_and(|response| response.status().is_success())
}

fn answer<E: Error + ProvideErrorMetadata + 'static>(error: &SdkError<E, HttpResponse>) -> Fault {
    let response = error.raw_response();
    Fault::Answer(ErrorAnswer {
        status: response.map_or(0, |response| response.status().as_u16()),
        code: error.code().unwrap_or_default().to_owned(),
        message: error.message().unwrap_or_default().to_owned(),
        region: response
            .and_then(right_region)
            .filter(|region| is_region(region)),
    })
}

/// Returns the region that the store names as the right one, in a header or in the error's text.
fn right_region(response: &HttpResponse) -> Option<String> {
    if let Some(region) = response.headers().get("x-amz-bucket-region") {
        return Some(region.to_owned());
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    between(body, "<Region>", "</Region>")
        // A region that accounts must opt in to is only named in the message.
        .or_else(|| {
            between(
                body,
                "<Message>The ",
                " location constraint is incompatible",
            )
        })
        .map(str::to_owned)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

/// Returns whether a text can be the name of a region, which becomes part of a host name
/// (`validate_region_name` of botocore).
fn is_region(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_framed = text.starts_with('-') || text.ends_with('-');
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 63 && text.bytes().all(is_name) && !is_framed && !is_number
}

fn no_credentials(error: &(dyn Error + 'static)) -> Option<Fault> {
    find::<CredentialsError>(error)?;
    let text = match find::<CredentialFileError>(error) {
        Some(error) => error.to_string(),
        None => {
            "no credentials could be loaded: set `credentials` of this archive, or provide them \
                 by environment, profile, web identity or instance role"
                .to_owned()
        }
    };
    Some(Fault::NoCredentials(text))
}

fn broken_connection(error: &(dyn Error + 'static)) -> Option<Fault> {
    if find::<ConnectorError>(error).is_some_and(ConnectorError::is_timeout) {
        return Some(Fault::Timeout);
    }
    if let Some(tls) = find::<TlsFault>(error) {
        return Some(Fault::NoTls(one_line(&tls.to_string())));
    }
    find::<io::Error>(error).map(|_| Fault::NoConnection)
}

/// Finds an error of a kind among an error and its causes.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// Iterates over an error and its causes, as far as they are reachable.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>() {
            // `source` of an I/O error skips the error that it wraps.
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT)
        .collect()
}
