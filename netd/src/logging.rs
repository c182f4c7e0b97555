//! What netd says while it runs: text, JSON, or logstash's JSON.

use std::fmt;
use std::io;

use clap::ValueEnum;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime as Stamp};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
    /// One JSON object a line, with the fields of a logstash event
    Logstash,
}

/// Starts logging to standard error. `RUST_LOG` chooses what is said; without
/// it, what changes the fabric and what goes wrong.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .from_env_lossy();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
        LogFormat::Logstash => {
            let host = nix::unistd::gethostname().unwrap_or_default();
            let host = host.to_string_lossy().into_owned();
            log.event_format(Logstash { host }).init();
        }
    }
}

/// Writes events as logstash takes them: `@version`, `@timestamp`, `host`,
/// `file`, `message`, `type`, `tags`, and the event's own fields.
struct Logstash {
    host: String,
}

impl<S, N> FormatEvent<S, N> for Logstash
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        Stamp.format_time(&mut Writer::new(&mut time))?;
        let meta = event.metadata();
        let mut line = Map::new();
        event.record(&mut Fields(&mut line));
        let level = meta.level().as_str().to_ascii_lowercase();
        for (key, value) in [
            ("@version", Value::from("1")),
            ("@timestamp", time.into()),
            ("host", self.host.as_str().into()),
            ("file", meta.target().into()),
            ("type", "netd".into()),
            ("tags", vec![level].into()),
        ] {
            line.insert(key.to_owned(), value);
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}
