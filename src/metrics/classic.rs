//! The classic text format, for scrapers without support for `OpenMetrics`.

/// Rewrites an `OpenMetrics` page in Prometheus' classic text format 0.0.4.
///
/// The samples are the same. The comments differ: a counter is described under the name of its
/// samples, with `_total`; there are no units and no end mark; an unknown type is `untyped`.
pub(super) fn to_classic(openmetrics: &str) -> String {
    let mut classic = String::with_capacity(openmetrics.len());
    let mut lines = openmetrics.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        // HELP comes before TYPE, and only TYPE shows that a metric is a counter.
        let help = line
            .strip_prefix("# HELP ")
            .and_then(|rest| rest.split_once(' '));
        let type_line = |name: &str| format!("# TYPE {name} counter");
        match help {
            Some((name, text)) if lines.peek() == Some(&type_line(name).as_str()) => {
                lines.next();
                let counter = [
                    "# HELP ",
                    name,
                    "_total ",
                    text,
                    "\n# TYPE ",
                    name,
                    "_total counter",
                ];
                classic.extend(counter);
            }
            Some(_) | None => classic.push_str(line),
        }
        classic.push('\n');
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_describes_counters_is_rewritten() {
        let openmetrics = "# HELP a Bytes.\n# TYPE a gauge\n# UNIT a bytes\na{x=\"# EOF\"} 1\n\
                           # HELP b Scans.\n# TYPE b counter\nb_total 2\n# EOF\n";

        let classic = to_classic(openmetrics);

        insta::assert_snapshot!(classic, @r##"
        # HELP a Bytes.
        # TYPE a gauge
        a{x="# EOF"} 1
        # HELP b_total Scans.
        # TYPE b_total counter
        b_total 2
        "##);
    }
}
