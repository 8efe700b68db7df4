//! OpenTelemetry: on where `OTEL_EXPORTER_OTLP_ENDPOINT` says where to send traces, and off otherwise.

use std::env;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode, Uri};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Status, TraceContextExt, TracerProvider};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::{Span, Subscriber, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::{Environment, SettingsError, about};

/// The target of spans that are not sent.
pub const NOT_TRACED: &str = concat!(env!("CARGO_CRATE_NAME"), "::not_traced");

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SEND_WITHIN: Duration = Duration::from_secs(10);
const FLUSH_WITHIN: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: usize = 1024 * 1024;

static ON: AtomicBool = AtomicBool::new(false);

/// Sends what is left when it is dropped.
pub struct Traces(SdkTracerProvider);

impl Traces {
    pub fn start(environment: &Environment) -> Result<Option<Self>, SettingsError> {
        let Some(endpoint) = environment.read(ENDPOINT)? else {
            return Ok(None);
        };
        let bad = || SettingsError::new(ENDPOINT, "http://host:4318");
        let url: Uri = endpoint.parse().map_err(|_| bad())?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(bad());
        }
        // The exporter reads OpenTelemetry's other variables itself.
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new().map_err(|_| bad())?)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|_| bad())?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Telling(exporter))
            .with_resource(resource())
            .build();
        ON.store(true, Ordering::Relaxed);
        Ok(Some(Self(provider)))
    }

    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(about::NAME))
            .with_location(false)
            .with_threads(false)
            .with_filter(filter_fn(|it| it.is_span() && it.target() != NOT_TRACED))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        let _ = self.0.shutdown_with_timeout(FLUSH_WITHIN); // what failed is told already
    }
}

fn resource() -> Resource {
    let set = |name, part| env::var(name).is_ok_and(|value| value.contains(part));
    let named = set("OTEL_SERVICE_NAME", "") || set("OTEL_RESOURCE_ATTRIBUTES", "service.name=");
    let resource = Resource::builder();
    if named {
        resource.build()
    } else {
        resource.with_service_name(about::NAME).build()
    }
}

/// The span of a request: part of the caller's trace, where there is one.
pub fn describe(span: &Span, request: &Request, route: &str) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    let caller = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    let _ = span.set_parent(caller); // fails only for a span that has begun
    span.record("otel.name", format!("{} {route}", request.method()));
    span.set_attribute("http.request.method", request.method().to_string());
    span.set_attribute("http.route", route.to_owned());
    let trace_id = span.context().span().span_context().trace_id();
    span.record("trace_id", trace_id.to_string());
}

pub fn answered(span: &Span, status: StatusCode) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

/// Tells which batch could not be sent.
#[derive(Debug)]
struct Telling(opentelemetry_otlp::SpanExporter);

impl SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.0.export(batch).await;
        if let Err(error) = &result {
            warn!(%error, "traces not sent");
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Sends on the service's own runtime, for OpenTelemetry's thread has none.
#[derive(Debug)]
struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Body>,
    runtime: Handle,
}

impl Client {
    fn new() -> io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            runtime: Handle::current(),
        })
    }
}

impl HttpClient for Client {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> BoxFuture<'b, Result<Response<Bytes>, HttpError>>
    where
        'a: 'b,
    {
        let http = self.http.clone();
        let sending = self.runtime.spawn(async move {
            let answer = async {
                let (parts, body) = http.request(request.map(Body::from)).await?.into_parts();
                let body = to_bytes(Body::new(body), ANSWER_LIMIT).await?;
                Ok(Response::from_parts(parts, body))
            };
            timeout(SEND_WITHIN, answer).await?
        });
        async move { sending.await? }.boxed()
    }
}
