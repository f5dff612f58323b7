//! States of certificates, however long they are valid.

use test_support::dashboard::Board;

use crate::dashboards::arrival::assert_promtool_agrees;

/// Days that a certificate is valid for and that are left, and its state.
const CASES: [(f64, f64, u8); 9] = [
    (90.0, 8.0, 3),
    (90.0, 6.0, 2),
    (90.0, 1.0, 1),
    (90.0, -1.0, 0),
    // A week, renewed in its last third.
    (7.0, 2.4, 3),
    (7.0, 0.8, 2),
    (7.0, 0.2, 1),
    (1.0, 0.4, 3),
    (3650.0, 8.0, 3),
];

#[test]
fn the_state_of_a_certificate_is_relative_to_its_lifetime() {
    for file in ["backups.json", "backup-server.json"] {
        let queries = Board::read(file).queries();
        let state = |query: &&test_support::dashboard::Query| {
            query.panel.starts_with("Certificates") && query.id == "G"
        };
        let query = queries.iter().find(state).unwrap().filled("a", "s");
        let cases = CASES.iter().enumerate();
        let series = cases.clone().flat_map(|(number, (lifetime, left, _))| {
            [("lifetime", lifetime), ("not_after_timestamp", left)].map(|(metric, days)| {
                let name = format!("barman_cloud_certificate_{metric}_seconds");
                let series = format!("{name}{{certificate=\"s-{number}\"}}");
                format!(
                    "      - series: '{series}'\n        values: {}\n",
                    days * 86_400.0
                )
            })
        });
        let expected = cases.map(|(number, (.., state))| {
            let labels = format!("{{certificate=\"s-{number}\"}}");
            format!("          - {{ labels: '{labels}', value: {state} }}\n")
        });
        let (series, expected): (String, String) = (series.collect(), expected.collect());
        let script = format!(
            "tests:\n  - interval: 1m\n    input_series:\n{series}    promql_expr_test:\n      \
             - expr: '{query}'\n        eval_time: 0m\n        exp_samples:\n{expected}"
        );
        assert_promtool_agrees(&script);
    }
}
