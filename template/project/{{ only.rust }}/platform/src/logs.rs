//! Logs for machines: one JSON object a line on stdout.

use std::backtrace::Backtrace;
use std::time::SystemTime;
use std::{fmt, io, panic};

use serde::Serializer;
use serde::ser::{Error, SerializeMap};
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber, error};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::traces::Traces;
use crate::{about, metrics};

/// Send every event of this process to stdout, a panic too, and spans to the tracer that there may be.
pub fn init(level: Level, traces: Option<&Traces>) {
    let traces = traces.map(Traces::layer);
    subscriber(level, io::stdout).with(traces).init();
    panic::set_hook(Box::new(|info| {
        error!(
            error = format!("{info}\n{}", Backtrace::force_capture()),
            "panic"
        );
    }));
}

/// Our own events from `level` up; of the libraries only what is worth a warning.
pub fn subscriber<W>(
    level: Level,
    writer: W,
) -> impl Subscriber + Send + Sync + for<'a> LookupSpan<'a>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = LevelFilter::from_level(level);
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_target(about::CRATE, level);
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(Line)
        .log_internal_errors(false) // they would go to stderr
        .with_writer(writer);
    tracing_subscriber::registry().with(filter).with(lines)
}

/// Time and level, the fields of the spans around the event, then its own, the message being one of them.
struct Line;

impl<S> FormatEvent<S, JsonFields> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut spans = Map::new();
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>() {
                let fields: Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
                // With a dot: for traces alone.
                let own = fields.into_iter().filter(|(name, _)| !name.contains('.'));
                spans.extend(own);
            }
        }
        let line = serialize(event, &spans).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

fn serialize(event: &Event<'_>, spans: &Map<String, Value>) -> serde_json::Result<String> {
    let mut line = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    let now = humantime::format_rfc3339_millis(SystemTime::now());
    map.serialize_entry("time", &now.to_string())?;
    let level = event.metadata().level().as_str().to_lowercase();
    metrics::line(&level);
    map.serialize_entry("level", &level)?;
    for (name, value) in spans {
        map.serialize_entry(name, value)?;
    }
    let mut visitor = SerdeMapVisitor::new(map);
    event.record(&mut visitor);
    visitor.finish()?;
    String::from_utf8(line).map_err(serde_json::Error::custom)
}
