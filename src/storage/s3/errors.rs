//! The SDK's errors, translated.

use std::error::Error;
use std::{io, iter};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::credentials::FileError;
use crate::storage::fault::{Answer, Fault};

/// Characters of a text of the store's that are shown at most.
const MAX_TEXT: usize = 500;

/// How the call failed, as far as the SDK's error tells.
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

/// The chain of errors in one line, with what the store said; without its answer's headers and
/// without the request, which holds the signature.
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
        (None, _) => render_chain(error),
    };
    let request = meta.request_id().map(|id| format!(" (request `{id}`)")).unwrap_or_default();
    one_line(&format!("status {}, {text}{request}", response.status()))
}

/// The chain of errors in one line; what repeats its cause is left out.
pub(super) fn render_chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in chain(error).map(ToString::to_string) {
        if !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
    }
    one_line(&texts.join(": "))
}

/// How a body that broke off while it was read failed.
pub(super) fn body_fault(error: &(dyn Error + 'static)) -> Fault {
    broken_connection(error).unwrap_or(Fault::NoConnection)
}

/// Whether the store answered with success, but the SDK could not make sense of it.
fn is_no_refusal<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> bool {
    error.code().is_none()
        && error.raw_response().is_some_and(|response| response.status().is_success())
}

fn answer<E: Error + ProvideErrorMetadata + 'static>(error: &SdkError<E, HttpResponse>) -> Fault {
    let response = error.raw_response();
    Fault::Answer(Answer {
        status: response.map_or(0, |response| response.status().as_u16()),
        code: error.code().unwrap_or_default().to_owned(),
        region: response.and_then(right_region),
    })
}

/// The region that the store says is the right one, in a header or in the text of the error.
fn right_region(response: &HttpResponse) -> Option<String> {
    if let Some(region) = response.headers().get("x-amz-bucket-region") {
        return Some(one_line(region));
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (_, rest) = body.split_once("<Region>")?;
    let (region, _) = rest.split_once("</Region>")?;
    Some(one_line(region))
}

fn no_credentials(error: &(dyn Error + 'static)) -> Option<Fault> {
    find::<CredentialsError>(error)?;
    let text = find::<FileError>(error).map_or_else(
        || {
            "no credentials could be loaded: set `credentials` of this archive, or provide them by \
            environment, profile, web identity or instance role"
                .to_owned()
        },
        ToString::to_string,
    );
    Some(Fault::NoCredentials(text))
}

fn broken_connection(error: &(dyn Error + 'static)) -> Option<Fault> {
    if find::<ConnectorError>(error).is_some_and(ConnectorError::is_timeout) {
        return Some(Fault::Timeout);
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return Some(Fault::NoTls(one_line(&tls.to_string())));
    }
    find::<io::Error>(error).map(|_| Fault::NoConnection)
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The error and its causes, as far as they are reachable.
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
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect()
}
