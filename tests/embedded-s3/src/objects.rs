//! Pages of objects.

use s3s::dto::{CommonPrefix, ETag, ListObjectsV2Input, ListObjectsV2Output};
use s3s::{S3Error, S3Result, s3_error};

use crate::encoding::{KeyEncoding, name_in_token, token_after};
use crate::listing::{self, Page, Query};
use crate::server::Product;
use crate::service::{Service, count, size, timestamp};
use crate::store::Object;

impl Service {
    /// Objects by key, rolled up at the delimiter if there is one.
    pub(crate) fn list(
        &self,
        input: ListObjectsV2Input,
        repeats: bool,
    ) -> S3Result<ListObjectsV2Output> {
        let encoding = self.key_encoding(input.encoding_type.as_ref())?;
        let limit = self.limit(input.max_keys)?;
        let token = input.continuation_token.clone();
        let after = match &token {
            Some(token) => Some(name_in_token(token).ok_or_else(unknown_token)?),
            None => input.start_after.clone(),
        };
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref(),
            after: after.as_deref(),
            limit,
        };
        if self.product == Product::Storj
            && !(query.prefix.is_empty() || query.prefix.ends_with('/'))
        {
            return Err(s3_error!(
                NotImplemented,
                "Only prefixes that end in a slash are listed"
            ));
        }
        let cut = if self.product.lists_in_order() {
            listing::page
        } else {
            listing::shuffled_page
        };
        let page = self.in_bucket(&input.bucket, |bucket| cut(&bucket.objects, &query))?;
        let own_token = || page.last.as_deref().map(token_after);
        let next_token = match (repeats, page.truncated) {
            (true, _) => token.or_else(own_token),
            (false, true) => own_token(),
            (false, false) => None,
        };
        Ok(ListObjectsV2Output {
            is_truncated: Some(next_token.is_some()),
            next_continuation_token: next_token,
            max_keys: Some(count(limit)),
            ..answer(page, input, encoding)
        })
    }
}

/// Answer with the entries of `page`, without its continuation.
fn answer(page: Page, input: ListObjectsV2Input, encoding: KeyEncoding) -> ListObjectsV2Output {
    let prefix = input.prefix.unwrap_or_default();
    let common = |prefix: &String| CommonPrefix {
        prefix: Some(encoding.apply(prefix)),
    };
    ListObjectsV2Output {
        key_count: Some(count(page.len())),
        common_prefixes: Some(page.common_prefixes.iter().map(common).collect()),
        contents: Some(
            page.objects
                .into_iter()
                .map(|(key, object)| listed(&key, object, encoding))
                .collect(),
        ),
        prefix: Some(encoding.apply(&prefix)),
        delimiter: encoding.apply_to(input.delimiter.as_deref()),
        start_after: encoding.apply_to(input.start_after.as_deref()),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..Default::default()
    }
}

fn listed(key: &str, object: Object, encoding: KeyEncoding) -> s3s::dto::Object {
    s3s::dto::Object {
        key: Some(encoding.apply(key)),
        size: Some(size(object.content.len())),
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(timestamp(object.last_modified)),
        storage_class: Some(object.storage_class.into_owned().into()),
        ..Default::default()
    }
}

/// Returns S3's answer to a token that it did not issue.
fn unknown_token() -> S3Error {
    s3_error!(
        InvalidArgument,
        "The continuation token provided is incorrect"
    )
}
