package httpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// fixture is a server whose log can be read.
type fixture struct {
	*Server
	log *bytes.Buffer
}

func newFixture(checks map[string]Check) fixture {
	var log bytes.Buffer
	handler := slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
	return fixture{New(Options{Service: "test", Version: "1.2.3", Checks: checks, Log: slog.New(handler)}), &log}
}

func (f fixture) ask(method, target string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	f.Handler().ServeHTTP(answer, httptest.NewRequest(method, target, nil))
	return answer
}

// lastLine is the last line of the log.
func (f fixture) lastLine(t *testing.T) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(f.log.String()), "\n")
	var fields map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func ok(context.Context) error { return nil }

func refused(context.Context) error { return errors.New("connection refused") }

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestRoutes(t *testing.T) {
	const notFound = `{"error":"not found"}`
	const notAllowed = `{"error":"method not allowed"}`
	tests := []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/", 200, `{"service":"test","version":"1.2.3"}`},
		{"GET", "/healthz", 200, `{"status":"ok"}`},
		{"GET", "/readyz", 200, `{"status":"ready","checks":{}}`},
		{"HEAD", "/healthz", 200, `{"status":"ok"}`}, // net/http leaves the body out
		{"GET", "/missing", 404, notFound},
		{"GET", "/healthz/", 404, notFound},
		{"POST", "/healthz", 405, notAllowed},
		{"PROPFIND", "/", 405, notAllowed},
		{"POST", "/missing", 404, notFound},
		{"GET", "//healthz", 404, notFound},
		{"GET", "/a/../healthz", 404, notFound},
		{"GET", "/%2e%2e/healthz", 404, notFound},
		{"OPTIONS", "*", 404, notFound},
		{"CONNECT", "example.com:443", 404, notFound},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			answer := newFixture(nil).ask(test.method, test.target)
			if answer.Code != test.status || strings.TrimSpace(answer.Body.String()) != test.body {
				t.Errorf("got %d %s", answer.Code, answer.Body)
			}
			if kind := answer.Header().Get("Content-Type"); kind != "application/json" {
				t.Errorf("Content-Type: %s", kind)
			}
		})
	}
}

func TestRefusalNamesTheMethodsThatAreAllowed(t *testing.T) {
	answer := newFixture(nil).ask("POST", "/healthz")
	if allow := answer.Header().Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow: %s", allow)
	}
}

func TestRequestID(t *testing.T) {
	tests := []struct {
		name, sent string
		kept       bool
	}{
		{"none", "", false},
		{"sound", "abc-DEF_1.2", true},
		{"longest", strings.Repeat("a", 128), true},
		{"too long", strings.Repeat("a", 129), false},
		{"space", "a b", false},
		{"line feed at the end", "abc\n", false},
		{"quote", `abc"`, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request := httptest.NewRequest("GET", "/", nil)
			request.Header.Set("X-Request-ID", test.sent)
			answer := httptest.NewRecorder()
			newFixture(nil).Handler().ServeHTTP(answer, request)

			got := answer.Header().Get("X-Request-ID")
			if (got == test.sent) != test.kept {
				t.Errorf("got %q", got)
			}
			if !test.kept && len(got) != len("00000000-0000-0000-0000-000000000000") {
				t.Errorf("want a UUID, got %q", got)
			}
		})
	}
}

func TestRequestIDIsKnownToTheHandlersLog(t *testing.T) {
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("X-Request-ID", "abc")
	request, _ = withRequestID(request)
	attrs := LogAttrs(request.Context())
	if len(attrs) != 1 || !attrs[0].Equal(slog.String("request_id", "abc")) {
		t.Error(attrs)
	}
	if attrs := LogAttrs(t.Context()); attrs != nil {
		t.Error(attrs)
	}
}

func TestReadiness(t *testing.T) {
	tests := []struct {
		name   string
		checks map[string]Check
		status int
		body   string
	}{
		{"ready", map[string]Check{"database": ok}, 200, `{"status":"ready","checks":{"database":"ok"}}`},
		{"failing", map[string]Check{"database": refused}, 503, `{"status":"unavailable","checks":{"database":"failed"}}`},
		{"one of two", map[string]Check{"a": ok, "b": refused}, 503, `{"status":"unavailable","checks":{"a":"ok","b":"failed"}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer := newFixture(test.checks).ask("GET", "/readyz")
			if answer.Code != test.status || strings.TrimSpace(answer.Body.String()) != test.body {
				t.Errorf("got %d %s", answer.Code, answer.Body)
			}
		})
	}
}

func TestReadinessGivesUpOnADependencyThatHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, body := newFixture(map[string]Check{"database": hangs}).health.readiness(ctx)
	if status != 503 || body.Checks["database"] != "failed" {
		t.Error(status, body)
	}
}

func TestFailedCheckIsLogged(t *testing.T) {
	f := newFixture(map[string]Check{"database": refused})
	f.health.readiness(t.Context())
	line := f.lastLine(t)
	if line["level"] != "WARN" || line["msg"] != "check failed" || line["check"] != "database" ||
		line["error"] != "connection refused" {
		t.Error(line)
	}
}

func TestStoppingIsUnready(t *testing.T) {
	f := newFixture(map[string]Check{"database": ok})
	f.health.stopping.Store(true)
	answer := f.ask("GET", "/readyz")
	if answer.Code != 503 || strings.TrimSpace(answer.Body.String()) != `{"status":"stopping","checks":{}}` {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
	if answer.Header().Get("Connection") != "close" {
		t.Error("the connection stays open")
	}
	if answer := f.ask("GET", "/healthz"); answer.Code != 200 {
		t.Errorf("/healthz: %d", answer.Code)
	}
}

func TestMetrics(t *testing.T) {
	f := newFixture(nil)
	f.ask("GET", "/")
	f.ask("GET", "/missing/1")
	f.ask("GET", "/missing/2")
	f.ask("BREW", "/")

	answer := f.ask("GET", "/metrics")
	if kind := answer.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
		t.Errorf("Content-Type: %s", kind)
	}
	for _, want := range []string{
		`http_requests_total{method="GET",route="/",status="200"} 1`,
		`http_requests_total{method="GET",route="unmatched",status="404"} 2`,
		`http_requests_total{method="OTHER",route="unmatched",status="405"} 1`,
		`http_request_duration_seconds_bucket{method="GET",route="/",status="200",le="0.005"}`,
		`http_request_duration_seconds_bucket{method="GET",route="/",status="200",le="10"}`,
	} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("missing: %s", want)
		}
	}
}

func TestRouteLabel(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                 "unmatched",
		"/":                "unmatched",
		"GET /{$}":         "/",
		"GET /orders/{id}": "/orders/{id}",
		"/files/":          "/files/",
	} {
		if got := routeLabel(pattern); got != want {
			t.Errorf("%q: got %q, want %q", pattern, got, want)
		}
	}
}

func TestRequestIsLogged(t *testing.T) {
	f := newFixture(map[string]Check{"database": refused})
	tests := []struct {
		method, target, level, route string
		status                       float64
	}{
		{"GET", "/", "INFO", "/", 200},
		{"GET", "/missing", "INFO", "unmatched", 404},
		{"GET", "/healthz", "DEBUG", "/healthz", 200},
		{"GET", "/readyz", "DEBUG", "/readyz", 503},
		{"GET", "/metrics", "DEBUG", "/metrics", 200},
	}
	for _, test := range tests {
		f.ask(test.method, test.target)
		line := f.lastLine(t)
		if line["msg"] != "request" || line["level"] != test.level || line["method"] != test.method ||
			line["route"] != test.route || line["status"] != test.status {
			t.Errorf("%s: %v", test.target, line)
		}
		if _, isNumber := line["duration_ms"].(float64); !isNumber {
			t.Errorf("duration_ms: %v", line["duration_ms"])
		}
	}
}

func TestFailure(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"panic": func(http.ResponseWriter, *http.Request) { panic("boom") },
		"error": func(w http.ResponseWriter, _ *http.Request) { fail(w, errors.New("boom")) },
	}
	for name, handler := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(nil)
			answer := httptest.NewRecorder()
			f.observe(handler).ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))

			if answer.Code != 500 || strings.TrimSpace(answer.Body.String()) != `{"error":"internal server error"}` {
				t.Errorf("got %d %s", answer.Code, answer.Body)
			}
			if lines := strings.Count(f.log.String(), "\n"); lines != 1 {
				t.Errorf("want one line, got %d", lines)
			}
			line := f.lastLine(t)
			text, _ := line["error"].(string)
			if line["level"] != "ERROR" || !strings.Contains(text, "boom") {
				t.Error(line)
			}
			if name == "panic" && !strings.Contains(text, "httpserver_test.go") {
				t.Errorf("no stack: %s", text)
			}
		})
	}
}

func TestFailureInTheMiddleOfAnAnswerHangsUp(t *testing.T) {
	f := newFixture(nil)
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler {
			t.Errorf("got %v", cause)
		}
		if line := f.lastLine(t); line["level"] != "ERROR" {
			t.Error(line)
		}
	}()
	f.observe(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic("boom")
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}
