//! The page for people.

use super::*;

#[tokio::test]
async fn hostile_names_are_escaped_on_the_landing_page() {
    let hostile = "<script>alert(1)</script>\"'&";
    let archive = ArchiveOverview {
        name: hostile.to_owned(),
        destination: hostile.to_owned(),
        endpoint: hostile.to_owned(),
        last_attempt_at: Some(moment("2026-01-01T00:05:00Z")),
        last_outcome: Some(hostile.to_owned()),
        last_error: Some(hostile.to_owned()),
        next_at: Some(moment("2026-01-01T00:15:00Z")),
        servers: vec![ServerOverview {
            name: hostile.to_owned(),
            verdict: Some(hostile.to_owned()),
            status: hostile.to_owned(),
            problems: vec![hostile.to_owned(); 9],
            ..ServerOverview::default()
        }],
        ..ArchiveOverview::default()
    };
    let server = Server::start(shows(vec![archive], 0), ConnectionLimits::default()).await;

    let answer = server.get("/").await;

    let page = answer.text();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    assert!(page.contains("5 min ago") && page.contains("in 5 min"), "{page}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}

/// An archive of so many servers, of which the first two are not well, after a scan that ended so.
fn archive_of(servers: usize, outcome: &str) -> ArchiveOverview {
    let server = |index: usize| {
        let (verdict, status) = match index {
            0 => (Some("not restorable"), "critical"),
            1 => (None, "warning"),
            _ => (Some("restorable"), "ok"),
        };
        ServerOverview {
            name: format!("server-{index}"),
            verdict: verdict.map(str::to_owned),
            standing: if status == "ok" { Standing::Good } else { Standing::Bad },
            status: status.to_owned(),
            newest_backup_at: Some(moment("2025-12-31T22:10:00Z")),
            problems: if index == 0 { vec!["A gap".to_owned(); 7] } else { Vec::new() },
        }
    };
    ArchiveOverview {
        name: "a".to_owned(),
        last_attempt_at: Some(moment("2026-01-01T00:09:00Z")),
        last_success_at: Some(moment("2026-01-01T00:05:00Z")),
        last_outcome: Some(outcome.to_owned()),
        servers_found: servers,
        servers: (0..servers).map(server).collect(),
        ..ArchiveOverview::default()
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_restored_stands_out_beside_a_scan_that_succeeded() {
    let server =
        Server::start(shows(vec![archive_of(3, "success")], 0), ConnectionLimits::default()).await;

    let page = server.get("/").await.text();

    for text in [
        r#"<small class="bad">1 critical</small>"#,
        r#"<span class="bad">not restorable</span>"#,
        r#"<span class="good">restorable</span>"#,
        "orphan: not configured",
        "2 h ago",
        "and 2 more",
        "As of 5 min ago, 2026-01-01 00:05:00 UTC",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

#[tokio::test]
async fn after_a_failed_scan_no_server_looks_well() {
    let server =
        Server::start(shows(vec![archive_of(3, "failure")], 0), ConnectionLimits::default()).await;

    let page = server.get("/").await.text();

    assert!(!page.contains(r#"class="good""#), "{page}");
    assert!(page.contains("not known") && page.contains("was restorable"), "{page}");
    assert!(page.contains("As of 5 min ago, 2026-01-01 00:05:00 UTC"), "{page}");
}

#[tokio::test]
async fn while_the_next_scan_is_late_no_server_looks_well() {
    let next = |at: &str| ArchiveOverview { next_at: Some(moment(at)), ..archive_of(3, "success") };
    let page = async |archive| {
        let server = Server::start(shows(vec![archive], 0), ConnectionLimits::default()).await;
        server.get("/").await.text()
    };

    let late = page(next("2026-01-01T00:07:00Z")).await;
    let due = page(next("2026-01-01T00:09:00Z")).await;

    assert!(late.contains("The next scan is late") && late.contains("was restorable"), "{late}");
    assert!(!due.contains("not known"), "{due}");
}

#[tokio::test]
async fn a_fleet_is_shown_by_its_worst_and_counted() {
    let fleet = archive_of(1000, "success");
    let server = Server::start(shows(vec![fleet], 0), ConnectionLimits::default()).await;

    let page = server.get("/").await.text();

    assert_eq!(page.matches("<strong>server-").count(), 50);
    assert!(page.contains("<strong>server-0</strong>"), "{page}");
    assert!(page.contains("and 950 more: 950 ok"), "{page}");
}
