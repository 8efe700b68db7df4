//! Logs for machines: one JSON object a line on stdout.

use std::fmt;
use std::io;
use std::time::SystemTime;

use serde::Serializer;
use serde::ser::SerializeMap;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Send every event of this process to stdout.
pub fn init(level: Level) {
    subscriber(level, io::stdout).init();
}

/// Our own events from `level` up; of the libraries only what is worth a warning.
pub fn subscriber<W>(level: Level, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = LevelFilter::from_level(level);
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Json)
        .log_internal_errors(false) // they would go to stderr
        .with_writer(writer);
    tracing_subscriber::registry().with(filter).with(lines)
}

/// The event's time and level, then its fields, the message being one of them.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
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
        let line = serialize(event).map_err(|_| fmt::Error)?;
        writer.write_str(&line)?;
        writer.write_char('\n')
    }
}

fn serialize(event: &Event<'_>) -> Result<String, Box<dyn std::error::Error>> {
    let mut line = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    let now = humantime::format_rfc3339_millis(SystemTime::now());
    map.serialize_entry("time", &now.to_string())?;
    map.serialize_entry("level", &event.metadata().level().as_str().to_lowercase())?;
    let mut visitor = SerdeMapVisitor::new(map);
    event.record(&mut visitor);
    visitor.finish()?;
    Ok(String::from_utf8(line)?)
}
