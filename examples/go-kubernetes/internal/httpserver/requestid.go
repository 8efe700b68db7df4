package httpserver

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"uuid"
)

const requestIDHeader = "X-Request-ID"

// Anything else could forge fields in somebody's log.
var validRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

type requestIDKey struct{}

// withRequestID returns the request with the caller's id, or a new one, in its context.
func withRequestID(r *http.Request) (*http.Request, string) {
	id := r.Header.Get(requestIDHeader)
	if !validRequestID.MatchString(id) {
		id = uuid.New().String()
	}
	return r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)), id
}

// LogAttrs is what a log line says about the request that ctx belongs to.
func LogAttrs(ctx context.Context) []slog.Attr {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		return []slog.Attr{slog.String("request_id", id)}
	}
	return nil
}
