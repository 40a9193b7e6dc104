//! The names of all our tests that run, read from the sources: by module path, as a page can name them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::imports::{root, rust_files};

/// Every test that is not ignored: of the library as `domain::email::tests::name`, of this binary as `it::otp::name`.
pub(super) fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (folder, first) in [("src", None), ("tests/it", Some("it"))] {
        let folder = root().join(folder);
        for file in rust_files(&folder) {
            let mut path: Vec<String> = first.into_iter().map(str::to_owned).collect();
            path.extend(modules(file.strip_prefix(&folder).unwrap()));
            let code = std::fs::read_to_string(&file).unwrap();
            names.extend(tests_in(&code, &path));
        }
    }
    names
}

/// The modules that a file's place stands for.
fn modules(file: &Path) -> Vec<String> {
    let parts = file.with_extension("");
    let parts = parts.iter().map(|part| part.to_str().unwrap().to_owned());
    parts
        .filter(|part| !["mod", "main", "lib"].contains(&part.as_str()))
        .collect()
}

/// The tests in a file's code. What rustfmt makes of it tells where a module inside begins and ends.
fn tests_in(code: &str, path: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut inner = None;
    let (mut marked, mut ignored) = (false, false);
    for line in code.lines() {
        if let Some(name) = line
            .strip_prefix("mod ")
            .and_then(|it| it.strip_suffix(" {"))
        {
            inner = Some(name.to_owned());
        } else if line == "}" {
            inner = None;
        }
        let line = line.trim_start();
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        }
        // Such a test shows nothing.
        ignored |= ["#[ignore", "#[cfg_attr("]
            .iter()
            .any(|it| line.starts_with(it) && line.contains("ignore"));
        let function = line.trim_start_matches("async ").strip_prefix("fn ");
        let Some(rest) = function else { continue };
        let (is_test, runs) = (marked, !ignored);
        (marked, ignored) = (false, false);
        if is_test && runs {
            let name = rest.split(['(', '<']).next().unwrap().to_owned();
            let parts = path.iter().cloned().chain(inner.clone()).chain([name]);
            found.push(parts.collect::<Vec<_>>().join("::"));
        }
    }
    found
}

#[test]
fn a_test_is_named_by_file_and_module() {
    let code = "fn helper() {}\n#[test]\nfn a() {}\nmod tests {\n    #[tokio::test(start_paused = true)]\n    async fn b() {}\n}\n";
    let path = modules(Path::new("domain/email/mod.rs"));
    assert_eq!(
        tests_in(code, &path),
        ["domain::email::a", "domain::email::tests::b"]
    );
}

#[test]
fn a_test_that_is_ignored_is_not_named() {
    let code = "#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\n#[test]\nfn b() {}\n#[test]\nfn c() {}\n";
    assert_eq!(tests_in(code, &[]), ["c"]);
}
