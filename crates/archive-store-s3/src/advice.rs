//! Advice about failed calls, in words for operators.

use archive_store::{ErrorKind, ErrorScope, Operation, StorageError};

use super::fault::{Call, CallTarget, ErrorAnswer, Fault, FaultMeaning};

/// Advice for expired credentials.
const EXPIRED: &str = "the credentials have expired: renew those that `credentials` of this \
                       archive refers to";

/// Advice for a secret that belongs to another key.
const WRONG_SECRET: &str = "the secret access key does not match the access key id: check \
                            `credentials.secretAccessKeyFile` of this archive";

impl CallTarget<'_> {
    /// Translates a fault into an error, without its cause.
    pub(super) fn explain(&self, call: Call<'_>, fault: &Fault) -> StorageError {
        let (store, subject) = (self.store(), self.subject(call));
        let (kind, text) = match fault {
            Fault::Answer(answer) => return self.explain_answer(call, answer),
            Fault::Replaced => return replaced(call.key),
            Fault::WholeObject => return self.ignores_ranges(call),
            Fault::NoCredentials(why) => (ErrorKind::Auth, why.clone()),
            Fault::Timeout => (ErrorKind::Timeout, self.late(call)),
            Fault::NoTls(why) => (
                ErrorKind::Network,
                format!(
                    "no TLS connection to {store} for {subject} ({why}): \
                         check `endpointURL` and `endpointCAFile` of this archive"
                ),
            ),
            Fault::NoConnection => (
                ErrorKind::Network,
                format!(
                    "no connection to {store} for {subject}, or it broke: check `endpointURL` of \
                         this archive (`pathStyle` too, where a host cannot be resolved) and the \
                         network"
                ),
            ),
            Fault::Senseless => (
                ErrorKind::Protocol,
                format!(
                    "the response of {store} for {subject} makes no sense: check that \
                         `endpointURL` of this archive is an S3 endpoint"
                ),
            ),
            Fault::Unbuildable => (
                ErrorKind::Internal,
                format!(
                    "a request for {subject} could not be built: check `destinationPath`, \
                         `endpointURL` and `region` of this archive"
                ),
            ),
        };
        StorageError::new(kind, ErrorScope::Scan, text)
    }

    /// Returns the error for an answer that was read, but contradicts itself.
    ///
    /// The complaint continues a sentence after the name of what was requested: "goes on, but does not say where".
    pub(super) fn contradiction(&self, call: Call<'_>, complaint: &str) -> StorageError {
        let text = format!("{} {complaint}", self.subject(call));
        StorageError::new(ErrorKind::Protocol, ErrorScope::Scan, text)
    }

    /// Name of the requested key or prefix, for the texts.
    fn subject(&self, call: Call<'_>) -> String {
        let asked = if call.key.is_empty() {
            format!("bucket `{}`", self.bucket)
        } else {
            format!("`{}`", call.key)
        };
        match call.operation {
            Operation::ListObjectsV2 => format!("the listing of {asked}"),
            Operation::GetObject => asked,
            Operation::HeadObject => format!("the checksums of {asked}"),
            Operation::ListMultipartUploads => format!("the listing of the uploads to {asked}"),
            Operation::ListParts => format!("the listing of the parts of {asked}"),
        }
    }

    fn explain_answer(&self, call: Call<'_>, answer: &ErrorAnswer) -> StorageError {
        let meaning = answer.meaning(call.operation);
        let text = self.advice(meaning, call, answer);
        StorageError::new(meaning.kind(), meaning.scope(call.operation), text)
    }

    /// Sentence about what to do. Names the key or prefix, unless every other one is affected too.
    fn advice(&self, meaning: FaultMeaning, call: Call<'_>, answer: &ErrorAnswer) -> String {
        let (store, bucket, key) = (self.store(), self.bucket, call.key);
        let subject = self.subject(call);
        match meaning {
            FaultMeaning::Expired => EXPIRED.to_owned(),
            FaultMeaning::UnknownKey => self.unknown_credentials(),
            FaultMeaning::WrongSecret => WRONG_SECRET.to_owned(),
            FaultMeaning::WrongClock => format!(
                "the clocks of this machine and of {store} differ too much: synchronize the clock \
                 of this machine"
            ),
            FaultMeaning::WrongRegion | FaultMeaning::Elsewhere => self.region_advice(answer),
            FaultMeaning::Denied => self.permission_advice(call),
            FaultMeaning::Intercepted => self.intercepted(call),
            FaultMeaning::Capped => format!(
                "{store} refused {subject} because of a cap, a quota or the state of the \
                 account: check the account with the provider"
            ),
            FaultMeaning::Addressing => self.addressing_advice(),
            FaultMeaning::NoBucket => format!(
                "bucket `{bucket}` does not exist at {store}: check `destinationPath`, \
                 `endpointURL` and `pathStyle` of this archive"
            ),
            FaultMeaning::NoObject => format!("`{key}` does not exist"),
            FaultMeaning::OtherVersion => replacement(key),
            FaultMeaning::Unreadable => format!(
                "the content of `{key}` cannot be read: it is in a storage class that must be \
                 restored first, or encrypted with a key that these credentials may not use"
            ),
            FaultMeaning::UnknownCall => self.unsupported(call),
            FaultMeaning::Busy => format!(
                "the request for {subject} failed after all retries, because {store} asked for \
                 fewer requests: lower `scan.concurrency` or scan less often"
            ),
            FaultMeaning::Late => self.late(call),
            FaultMeaning::Rejected | FaultMeaning::Other => format!(
                "{store} answered the request for {subject} with status {}: look at its logs",
                answer.status
            ),
        }
    }

    fn ignores_ranges(&self, call: Call<'_>) -> StorageError {
        let (store, subject) = (self.store(), self.subject(call));
        let text = format!(
            "{store} ignores ranges: it answered the request for a part of {subject} with the whole \
             object; look for a proxy between here and the store"
        );
        StorageError::new(ErrorKind::Protocol, ErrorScope::RefusedCall, text)
    }

    fn intercepted(&self, call: Call<'_>) -> String {
        let (store, subject) = (self.store(), self.subject(call));
        format!(
            "something that does not speak S3 refused {subject}: look for a proxy or \
             firewall between here and {store}, and check `endpointURL` of this archive"
        )
    }

    fn unknown_credentials(&self) -> String {
        let store = self.store();
        format!(
            "{store} does not know these credentials: check `credentials.accessKeyIdFile` (or \
             `.profile`, `.sessionTokenFile`) and `endpointURL` of this archive"
        )
    }

    fn region_advice(&self, answer: &ErrorAnswer) -> String {
        let (bucket, region) = (self.bucket, self.region);
        match answer.region.as_deref().filter(|&right| right != region) {
            Some(right) => format!(
                "bucket `{bucket}` is in region `{right}`, not in `{region}`: \
                 set `region` of this archive to `{right}`"
            ),
            None => format!(
                "bucket `{bucket}` does not answer at {} with region `{region}`: \
                 check `region` and `endpointURL` of this archive",
                self.store()
            ),
        }
    }

    fn addressing_advice(&self) -> String {
        let (bucket, store) = (self.bucket, self.store());
        let advice = if self.path_style {
            "set `pathStyle` of this archive to `false`"
        } else {
            "check `endpointURL` of this archive"
        };
        format!(
            "{store} requires the name of bucket `{bucket}` in the host name of the URL: {advice}"
        )
    }

    fn permission_advice(&self, call: Call<'_>) -> String {
        let (bucket, permission) = (self.bucket, permission(call.operation));
        let below = match call.key {
            "" => String::new(),
            prefix => format!(" below `{prefix}`"),
        };
        let (what, resource) = match call.operation {
            Operation::ListObjectsV2 => {
                (format!("list bucket `{bucket}`{below}"), bucket.to_owned())
            }
            Operation::GetObject | Operation::HeadObject => {
                (format!("read `{}`", call.key), format!("{bucket}/*"))
            }
            Operation::ListMultipartUploads => (
                format!("list the uploads to bucket `{bucket}`{below}"),
                bucket.to_owned(),
            ),
            Operation::ListParts => (
                format!("list the parts of `{}`", call.key),
                format!("{bucket}/*"),
            ),
        };
        format!("the credentials may not {what}: allow `{permission}` on `arn:aws:s3:::{resource}`")
    }

    fn unsupported(&self, call: Call<'_>) -> String {
        let (store, subject) = (self.store(), self.subject(call));
        format!(
            "{store} does not support `{}`, which is needed for {subject}",
            call.operation.as_label()
        )
    }

    fn late(&self, call: Call<'_>) -> String {
        format!(
            "{} did not answer in time when asked for {}: check its load, `endpointURL` of this \
                 archive and the network",
            self.store(),
            self.subject(call)
        )
    }

    fn store(&self) -> String {
        self.endpoint
            .map_or_else(|| "AWS S3".to_owned(), |endpoint| format!("`{endpoint}`"))
    }
}

/// Returns the error for an object that is stored in another version than the one asked for.
fn replaced(key: &str) -> StorageError {
    let (kind, scope) = (ErrorKind::NotFound, ErrorScope::ReplacedObject);
    StorageError::new(kind, scope, replacement(key))
}

fn replacement(key: &str) -> String {
    format!("`{key}` was replaced after it was listed")
}

/// Returns the permission that a call needs, as named in AWS policies.
const fn permission(operation: Operation) -> &'static str {
    match operation {
        Operation::ListObjectsV2 => "s3:ListBucket",
        Operation::GetObject | Operation::HeadObject => "s3:GetObject",
        Operation::ListMultipartUploads => "s3:ListBucketMultipartUploads",
        Operation::ListParts => "s3:ListMultipartUploadParts",
    }
}
