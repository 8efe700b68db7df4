package platform

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/trace"
)

var lines = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "log_lines_total",
	Help: "Log lines, by level.",
}, []string{"level"})

// newLogger writes logs for machines: one JSON object a line, with time, level and message, then the line's own fields.
func newLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		lines.WithLabelValues(levelName(level)) // so that it is 0, not missing, before the first one
	}
	return slog.New(contextHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: rename})})
}

// rename gives slog's own fields the names and forms that every service here has, whatever its language.
func rename(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return attr
	}
	switch value := attr.Value.Any().(type) {
	case time.Time:
		if attr.Key == slog.TimeKey {
			attr.Value = slog.StringValue(value.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	case slog.Level:
		if attr.Key == slog.LevelKey {
			attr.Value = slog.StringValue(levelName(value))
		}
	case string:
		if attr.Key == slog.MessageKey {
			attr.Key = "message"
		}
	}
	return attr
}

func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "debug"
	case level < slog.LevelWarn:
		return "info"
	case level < slog.LevelError:
		return "warn"
	}
	return "error"
}

// contextHandler adds the ids of the request and of the trace to what is logged with a request's context.
type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, record slog.Record) error {
	if x := exchangeOf(ctx); x.id != "" {
		record.AddAttrs(slog.String("request_id", x.id))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	lines.WithLabelValues(levelName(record.Level)).Inc()
	return h.Handler.Handle(ctx, record)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
