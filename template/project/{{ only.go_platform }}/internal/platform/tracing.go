package platform

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// flushWithin is what the stop gives the traces that are not sent yet.
const flushWithin = 2 * time.Second

// tracing tells whether there is anybody to send traces to.
func tracing() bool {
	_, on := otel.GetTracerProvider().(*trace.TracerProvider)
	return on
}

// traced runs the command, and sends its traces where the settings say so. OpenTelemetry reads its other variables itself.
func traced(ctx context.Context, settings *Settings, command func(context.Context) error) error {
	if settings.TracesTo == "" {
		return command(ctx)
	}
	otel.SetLogger(logr.FromSlogHandler(slog.Default().Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Warn("traces not sent", "error", err) }))
	if err := os.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", string(settings.TracesTo)); err != nil { // it may have come as a file
		return err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return err
	}
	attributes, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", Service), attribute.String("service.version", settings.Version)),
		resource.WithFromEnv(),
	)
	if err != nil {
		return err
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(attributes))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})

	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
		defer cancel()
		_ = provider.Shutdown(ctx) // what could not be sent is logged by then
	}()
	return command(ctx)
}
