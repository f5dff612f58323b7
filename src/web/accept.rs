//! Choice of the format of metrics by the header `Accept` (RFC 9110, section 12.5.1).

use super::content::Exposition;

/// Returns the format to send: `OpenMetrics` if the client names it and does not prefer the classic
/// format.
///
/// A client that accepts neither gets the classic format, which is better than no page.
#[must_use]
pub fn wanted_format<'a>(headers: impl Iterator<Item = &'a str>) -> Exposition {
    let mut wishes = Wishes::default();
    for range in headers.flat_map(|header| header.split(',')) {
        wishes.add(range);
    }
    let open_metrics = wishes.open_metrics.unwrap_or_default();
    if open_metrics > 0 && open_metrics >= wishes.classic() {
        Exposition::OpenMetrics
    } else {
        Exposition::Classic
    }
}

/// Quality of each format for a client, in thousandths; `None` if a media range does not occur.
#[derive(Default)]
struct Wishes {
    open_metrics: Option<u16>,
    plain_text: Option<u16>,
    any_text: Option<u16>,
    anything: Option<u16>,
}

impl Wishes {
    fn add(&mut self, range: &str) {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut quality = 1000;
        let mut version = None;
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = thousandths(value),
                "version" => version = Some(value),
                _ => {}
            }
        }
        let wish = match (media_type.as_str(), version) {
            ("application/openmetrics-text", None | Some("1.0.0")) => &mut self.open_metrics,
            ("text/plain", None | Some("0.0.4")) => &mut self.plain_text,
            ("text/*", _) => &mut self.any_text,
            ("*/*", _) => &mut self.anything,
            _ => return,
        };
        *wish = (*wish).max(Some(quality));
    }

    /// Quality of the classic format: that of the most specific range that matches.
    fn classic(&self) -> u16 {
        self.plain_text
            .or(self.any_text)
            .or(self.anything)
            .unwrap_or_default()
    }
}

/// Parses a quality from 0 to 1, in thousandths; an invalid one counts as 0.
fn thousandths(text: &str) -> u16 {
    let Some((whole, fraction)) = text.split_once('.').or(Some((text, ""))) else {
        return 0;
    };
    let digits = format!("{fraction:0<3}");
    let fraction = digits
        .get(..3)
        .and_then(|digits| digits.parse::<u16>().ok());
    match (whole, fraction) {
        ("0", Some(thousandths)) => thousandths,
        ("1", Some(0)) => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_client_gets_the_form_that_it_wants() {
        use Exposition::{Classic, OpenMetrics};
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,\
            text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let classic_first = "text/plain;version=0.0.4;q=0.6,\
            application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1";
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (header, expected) in [
            (prometheus_2, OpenMetrics),
            (prometheus_3, OpenMetrics),
            (classic_first, Classic),
            (browser, Classic),
            ("", Classic),
            ("*/*", Classic),
            ("application/*", Classic),
            ("application/json", Classic),
            ("application/openmetrics-text", OpenMetrics),
            (
                "Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=1.000",
                OpenMetrics,
            ),
            ("application/openmetrics-text; version=0.0.1", Classic),
            ("application/openmetrics-text; version=2.0.0", Classic),
            ("application/openmetrics-text; q=0", Classic),
            (
                "application/openmetrics-text; q=0.5, text/plain; q=0.5",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text; q=0.5, text/plain; q=0.501",
                Classic,
            ),
            ("application/openmetrics-text; q=0.5, */*", Classic),
            (
                "application/openmetrics-text; q=0.5, text/plain; q=0, */*",
                OpenMetrics,
            ),
            ("application/openmetrics-text; q=2", Classic),
        ] {
            assert_eq!(wanted_format([header].into_iter()), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in r"(\PC|[;,=q.0-9/*]){0,80}") {
            let _ = wanted_format([header.as_str()].into_iter());
        }
    }
}
