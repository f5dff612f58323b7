//! Real Prometheus that scrapes the targets of a test, and answers its queries.

use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::{Value, json};

use crate::waiting::PAUSE;
use crate::web_program::WebProgram;

/// Running Prometheus with a storage of its own.
///
/// Killed when dropped; if a test fails at that moment, the end of its log is printed.
pub struct Prometheus {
    program: WebProgram,
}

impl Prometheus {
    /// Starts it with a configuration, written as JSON, and waits until it answers.
    ///
    /// # Panics
    /// Panics if it is not installed, ends before it answers, or does not answer in time.
    pub async fn start(configuration: &Value) -> Self {
        let quiet = ["--log.level", "warn"];
        let program = WebProgram::start("prometheus", configuration, "--storage.tsdb.path", &quiet);
        Self {
            program: program.await,
        }
    }

    /// Starts it to scrape each of these addresses every three seconds, as a job of its own.
    ///
    /// A scrape that takes longer fails, and its series are gone until the next: that must not
    /// happen where a machine is busy.
    ///
    /// # Panics
    /// As [`Prometheus::start`] does.
    pub async fn scraping(addresses: &[&str]) -> Self {
        let jobs = addresses.iter().enumerate().map(|(number, address)| {
            let targets = json!([{ "targets": [address] }]);
            json!({ "job_name": format!("job-{number}"), "static_configs": targets })
        });
        let every = json!({ "scrape_interval": "3s", "scrape_timeout": "3s" });
        let jobs: Vec<_> = jobs.collect();
        Self::start(&json!({ "global": every, "scrape_configs": jobs })).await
    }

    /// Evaluates an expression now; returns the result as the HTTP API formats it.
    ///
    /// # Errors
    /// What Prometheus says is wrong with the expression.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let data = self.ask("query", &[("query", expression)]).await?;
        Ok(list(&data["result"]))
    }

    /// Evaluates an expression at each second of the last half minute; returns the result as the
    /// HTTP API formats it.
    ///
    /// # Errors
    /// What Prometheus says is wrong with the expression.
    pub async fn query_range(&self, expression: &str) -> Result<Vec<Value>, String> {
        let now = self.ask("query", &[("query", "time()")]).await?;
        let end = now["result"][0]
            .as_f64()
            .ok_or("Prometheus does not know the time")?;
        let (start, end) = ((end - 30.0).to_string(), end.to_string());
        let range = [
            ("query", expression),
            ("start", &start),
            ("end", &end),
            ("step", "1"),
        ];
        let data = self.ask("query_range", &range).await?;
        Ok(list(&data["result"]))
    }

    /// Values of a label on the series of a selector.
    ///
    /// # Errors
    /// What Prometheus says is wrong with the selector.
    pub async fn label_values(&self, selector: &str, label: &str) -> Result<Vec<String>, String> {
        let data = self
            .ask(&format!("label/{label}/values"), &[("match[]", selector)])
            .await?;
        Ok(list(&data)
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }

    /// Waits until an expression has a result.
    ///
    /// # Panics
    /// Panics if it has none within the time given, or is wrong. `what` completes "gave up waiting for".
    pub async fn wait_for(&self, what: &str, within: Duration, expression: &str) {
        let deadline = Instant::now() + within;
        let has_result = async || {
            let result = self.query(expression).await;
            !result
                .unwrap_or_else(|error| panic!("{expression}: {error}"))
                .is_empty()
        };
        while !has_result().await {
            assert!(
                Instant::now() < deadline,
                "gave up waiting for {what} after {within:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let url = format!("http://{}/api/v1/{path}", self.program.address());
        let url = Url::parse_with_params(&url, parameters).expect("a URL with parameters is one");
        let answer = self.program.client().get(url).send().await;
        let text = answer
            .expect("Prometheus answers")
            .text()
            .await
            .expect("it answers to the end");
        let mut answer: Value = serde_json::from_str(&text).expect("it answers in JSON");
        if answer["status"] == "success" {
            Ok(answer["data"].take())
        } else {
            Err(answer["error"].to_string())
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
