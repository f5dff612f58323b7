//! Plain HTTP client, with a minimal reader of XML.

use chrono::{DateTime, TimeDelta, Utc};
use embedded_s3::{Options, Server, Store};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Only bucket of the tests.
pub(crate) const BUCKET: &str = "bucket";

/// Moment with a fraction of a second.
pub(crate) fn moment() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_700_000_000_250)
}

/// Store with these keys, each of three bytes.
pub(crate) fn store_of<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Store {
    let store = Store::default();
    store.create_bucket(BUCKET);
    for key in keys {
        store.put_bytes(BUCKET, key, "abc", moment());
    }
    store
}

/// Server without signatures, with pages of at most this length.
pub(crate) async fn serve(store: &Store, page_limit: usize) -> Server {
    let options = Options {
        page_limit,
        ..Options::default()
    };
    Server::start(store.clone(), options).await.unwrap()
}

/// Answer to a listing of the bucket with these parameters.
pub(crate) async fn list(server: &Server, parameters: &[(&str, &str)]) -> Answer {
    let all = [("list-type", "2")]
        .into_iter()
        .chain(parameters.iter().copied());
    get(server, &format!("{BUCKET}?{}", query(all))).await
}

/// Text, escaped for a URL.
pub(crate) fn query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pair = |(name, value): (&str, &str)| format!("{name}={}", escaped(value));
    parameters
        .into_iter()
        .map(pair)
        .collect::<Vec<_>>()
        .join("&")
}

/// Answer to a GET request.
pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    try_get(server, path).await.unwrap()
}

/// Answer to a GET request, if there is one.
pub(crate) async fn try_get(server: &Server, path: &str) -> reqwest::Result<Answer> {
    let response = reqwest::get(format!("{}/{path}", server.endpoint())).await?;
    let headers = response.headers().clone();
    Ok(Answer {
        status: response.status().as_u16(),
        headers,
        body: response.text().await?,
    })
}

/// Answer of the server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Texts of all elements of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        let after_start = self.body.split(&start).skip(1);
        after_start
            .map(|rest| unescaped(rest.split(&end).next().unwrap()))
            .collect()
    }

    /// Text of the only element of this name; `None` if there is none.
    pub(crate) fn one(&self, name: &str) -> Option<String> {
        let mut all = self.all(name);
        assert!(all.len() < 2, "{name} is there twice: {}", self.body);
        all.pop()
    }

    /// Prefixes that entries were rolled up to.
    pub(crate) fn common_prefixes(&self) -> Vec<String> {
        let prefix = |text: String| text.replace("<Prefix>", "").replace("</Prefix>", "");
        self.all("CommonPrefixes").into_iter().map(prefix).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

fn unescaped(text: &str) -> String {
    let plain = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    plain
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| {
            text.replace(escaped, plain)
        })
}
