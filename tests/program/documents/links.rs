//! Links between documents: the file that each one names must exist, and so must the heading.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::documents::{project, read};

/// Parts of one document that links concern.
#[derive(Debug, Default)]
struct Document {
    /// Targets of its links and images.
    targets: Vec<String>,
    /// Texts that it sets as code.
    code: Vec<String>,
    /// Anchors of its headings.
    anchors: BTreeSet<String>,
}

impl Document {
    fn parse(text: &str) -> Self {
        let mut document = Self::default();
        let mut heading: Option<String> = None;
        let mut times_seen = BTreeMap::new();
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            if let Event::Code(code) = &event {
                document.code.push(code.to_string());
            }
            if let Event::Start(Tag::Heading { .. }) = event {
                heading = Some(String::new());
            } else if let Event::End(TagEnd::Heading(_)) = event {
                let anchor = anchor(&heading.take().unwrap_or_default());
                document.anchors.insert(numbered(anchor, &mut times_seen));
            } else if let Event::Text(part) | Event::Code(part) = event {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            } else if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) =
                event
            {
                document.targets.push(dest_url.into_string());
            } else if let Event::Html(html) | Event::InlineHtml(html) = event {
                let has_link = html.contains("href=") || html.contains("src=");
                assert!(!has_link, "write this link in Markdown: {html}");
            }
        }
        document
    }
}

/// Returns the anchor that GitHub gives to a heading.
fn anchor(heading: &str) -> String {
    let mut anchor = String::new();
    for character in heading.trim().to_lowercase().chars() {
        match character {
            ' ' => anchor.push('-'),
            '-' | '_' => anchor.push(character),
            _ if character.is_alphanumeric() => anchor.push(character),
            _ => {}
        }
    }
    anchor
}

/// Returns the anchor with the number that GitHub adds to one that was used before.
fn numbered(anchor: String, times_seen: &mut BTreeMap<String, u32>) -> String {
    let times = times_seen.entry(anchor.clone()).or_default();
    *times += 1;
    if *times == 1 {
        anchor
    } else {
        format!("{anchor}-{}", *times - 1)
    }
}

/// Returns the paths of all Markdown files of the project, without those that were built or installed.
pub(crate) fn documents() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(project("").join(&folder)).expect("a folder can be read");
        for entry in entries {
            let entry = entry.expect("an entry can be read");
            let name = entry.file_name().into_string().expect("names are UTF-8");
            let path = folder.join(&name);
            let is_folder = entry.file_type().expect("an entry has a type").is_dir();
            if is_folder && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(
                    path.into_os_string()
                        .into_string()
                        .expect("names are UTF-8"),
                );
            }
        }
    }
    found.sort();
    found
}

/// Returns the problem with a link; `None` if the link leads somewhere.
fn problem(from: &str, target: &str) -> Option<String> {
    let is_external = target.contains("://") || target.starts_with("mailto:");
    if is_external {
        return None;
    }
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    let Some(file) = resolve(from, path) else {
        return Some(format!("{from}: `{target}` leads out of the project"));
    };
    if !project(&file).exists() {
        return Some(format!("{from}: `{target}`: there is no {file}"));
    }
    let anchor = anchor?;
    let is_document = Path::new(&file)
        .extension()
        .is_some_and(|extension| extension == "md");
    let has_anchor = is_document && Document::parse(&read(&file)).anchors.contains(anchor);
    (!has_anchor).then(|| format!("{from}: `{target}`: no heading of {file} has this anchor"))
}

/// Returns the path in the project that a relative path stands for; `None` if it leads out of it.
fn resolve(from: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(from.to_owned());
    }
    let mut resolved = Path::new(from).parent()?.to_owned();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    resolved.into_os_string().into_string().ok()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut problems = Vec::new();
    let mut links = 0;
    for from in documents() {
        for target in Document::parse(&read(&from)).targets {
            links += 1;
            problems.extend(problem(&from, &target));
        }
    }

    assert!(links > 100, "only {links} links were found");
    assert!(problems.is_empty(), "dead links:\n{}", problems.join("\n"));
}

/// Folders with what the documents for developers name by its path.
const SOURCES: [&str; 8] = [
    "alerts/",
    "benches/",
    "config/",
    "crates/",
    "dashboards/",
    "deploy/",
    "src/",
    "tests/",
];

#[test]
fn every_path_that_developers_are_sent_to_exists() {
    let mut paths = 0;
    let documents = [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "alerts/README.md",
    ];
    for document in documents {
        for code in Document::parse(&read(document)).code {
            let is_path = SOURCES.iter().any(|folder| code.starts_with(folder));
            if is_path && !code.contains('*') {
                paths += 1;
                assert!(project(&code).exists(), "{document}: there is no `{code}`");
            }
        }
    }
    assert!(paths > 20, "only {paths} paths were found");
}

#[test]
fn dead_links_are_found() {
    let dead = [
        "no-such-file.md",
        "../../outside.md",
        "/README.md",
        "check.md#no-such-heading",
        "#no-such-heading",
        "../LICENSE#heading",
    ];
    for target in dead {
        assert!(problem("docs/README.md", target).is_some(), "{target}");
    }
    for target in [
        "check.md#json",
        "#set-up",
        "../LICENSE",
        "../alerts",
        "https://example.org/x",
    ] {
        assert_eq!(problem("docs/README.md", target), None);
    }
}

#[test]
fn anchors_are_those_of_github() {
    let text =
        "# The `check`, explained\n\n## A_b-c: d\n\n## A_b-c: d\n\n```sh\n# no heading\n```\n";

    let anchors = Document::parse(text).anchors;

    let expected = ["a_b-c-d", "a_b-c-d-1", "the-check-explained"];
    assert_eq!(anchors, expected.map(str::to_owned).into());
}
