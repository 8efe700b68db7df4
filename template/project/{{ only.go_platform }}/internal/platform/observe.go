package platform

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"uuid"

	"github.com/felixge/httpsnoop"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

var (
	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total",
		Help: "HTTP requests, by method, route and status.",
	}, []string{"method", "route", "status"})
	duration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_request_duration_seconds",
		Help:    "Time taken to answer an HTTP request.",
		Buckets: prometheus.DefBuckets, // 0.005 … 10
	}, []string{"method", "route", "status"})
	build = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "build_info",
		Help: "The version that runs.",
	}, []string{"version"})

	// Anything else could forge fields in somebody's log.
	validRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
)

// exchange is a request, and what became of it.
type exchange struct {
	server *Server
	id     string
	timer  *time.Timer
	status int   // of the answer; 0 until it begins
	err    error // why it failed
	broken bool  // it failed in the middle of the answer
}

type exchangeKey struct{}

// exchangeOf is the exchange that ctx belongs to; an empty one outside of a Server, as in a test of a handler alone.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{server: new(Server), timer: time.NewTimer(0)}
}

// Within gives a request another time than the usual 30 seconds. A handler calls it first of all.
func Within(w http.ResponseWriter, r *http.Request, limit time.Duration) {
	exchangeOf(r.Context()).timer.Reset(limit)
	// For what doesn't look at the context: a body that trickles, an answer that nobody reads. A test may have no connection.
	control, end := http.NewResponseController(w), time.Now().Add(limit)
	_, _ = control.SetReadDeadline(end.Add(time.Second)), control.SetWriteDeadline(end.Add(answerTime))
}

// observe is what happens around every request: it gets an id and an end, a log line, and is counted.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		if c, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.handled.Store(true)
		}
		r.Pattern = s.pattern(r) // already here, because your middleware may pass on a copy of the request

		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		x := &exchange{server: s, id: r.Header.Get("X-Request-ID")}
		x.timer = time.AfterFunc(requestTime, func() {
			cancel(Problem{Status: http.StatusServiceUnavailable, Detail: "The request took too long."})
		})
		defer x.timer.Stop()
		if !validRequestID.MatchString(x.id) {
			x.id = uuid.New().String()
		}
		r = r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
		w = x.watch(w)
		w.Header().Set("X-Request-ID", x.id)
		Within(w, r, requestTime)

		x.serve(next, w, r)
		x.record(r, time.Since(start))
		if x.broken {
			panic(http.ErrAbortHandler) // hangs up, so that the caller doesn't take a part for the whole
		}
	})
}

// watch remembers when the answer begins. What else w can do, such as Flush and Hijack, it still can.
func (x *exchange) watch(w http.ResponseWriter) http.ResponseWriter {
	begin := func(status int) {
		// 1xx only announces the answer.
		if x.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
			x.status = status
			if x.server.stopping.Load() {
				w.Header().Set("Connection", "close")
			}
		}
	}
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) { begin(status); next(status) }
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(data []byte) (int, error) { begin(http.StatusOK); return next(data) }
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(from io.Reader) (int64, error) { begin(http.StatusOK); return next(from) }
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() { begin(http.StatusOK); next() }
		},
	})
}

// serve calls the handler; a panic ends that request, not the process.
func (x *exchange) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	defer func() {
		if cause := recover(); cause != nil {
			Fail(w, r, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
			x.broken = x.broken || cause == http.ErrAbortHandler
		}
	}()
	next.ServeHTTP(w, r)
}

// record counts and logs a request that is done.
func (x *exchange) record(r *http.Request, took time.Duration) {
	method, route, status := methodLabel(r.Method), routeLabel(r.Pattern), cmp.Or(x.status, http.StatusOK)
	requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	duration.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())

	trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("http.route", route))

	level := slog.LevelInfo
	switch {
	case x.err != nil:
		level = slog.LevelError
	case isProbe(route):
		level = slog.LevelDebug // asked every few seconds: not worth a line each
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
	}
	if x.err != nil {
		attrs = append(attrs, slog.Any("error", x.err))
	}
	slog.LogAttrs(r.Context(), level, "request", attrs...)
}

// methodLabel keeps callers from making up methods, and with them time series.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "OTHER"
}

// routeLabel is the path of the pattern that matched, `/items/{id}` of `GET /items/{id}`. The path that was sent
// is no label: it can hold ids, and has no end of values.
func routeLabel(pattern string) string {
	_, route, found := strings.Cut(pattern, " ")
	if !found {
		route = pattern
	}
	return cmp.Or(strings.TrimSuffix(route, "{$}"), "unmatched")
}

func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }
