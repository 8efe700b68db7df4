// Package logging writes logs for machines: one JSON object a line.
package logging

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

// New returns a logger whose lines carry time, level and message, then the line's own fields.
// What attrs finds in the context, such as the id of the request, gets into every line that is logged with it.
func New(w io.Writer, level slog.Leveler, attrs func(context.Context) []slog.Attr) *slog.Logger {
	json := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: rename})
	return slog.New(handler{json, attrs})
}

// rename gives slog's own fields the names and forms that every service here has, whatever its language.
func rename(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return attr
	}
	switch attr.Key {
	case slog.TimeKey:
		if attr.Value.Kind() == slog.KindTime {
			return slog.String("time", attr.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	case slog.LevelKey:
		if level, ok := attr.Value.Any().(slog.Level); ok {
			return slog.String("level", strings.ToLower(level.String()))
		}
	case slog.MessageKey:
		attr.Key = "message"
	}
	return attr
}

type handler struct {
	slog.Handler
	attrs func(context.Context) []slog.Attr
}

func (h handler) Handle(ctx context.Context, record slog.Record) error {
	record.AddAttrs(h.attrs(ctx)...)
	return h.Handler.Handle(ctx, record)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.attrs}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.attrs}
}
