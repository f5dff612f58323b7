//! The landing page and its style sheet.

use super::*;

#[tokio::test]
async fn the_landing_page_may_load_nothing_from_elsewhere() {
    let server = Server::start(shows(vec![], 0), ConnectionLimits::default()).await;

    let page = server.get("/").await;
    let style = server.get("/style.css").await;

    assert_eq!(page.text(), LANDING_PAGE);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(style.text(), STYLE_SHEET);
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
}
