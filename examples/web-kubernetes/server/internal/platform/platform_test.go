package platform

import (
	"bytes"
	"context"
	"encoding/json/v2"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fixture is a server whose log can be read.
type fixture struct {
	http.Handler
	log *bytes.Buffer
}

func newFixture(t *testing.T, server *Server) fixture {
	t.Helper()
	log, before := new(bytes.Buffer), slog.Default()
	slog.SetDefault(newLogger(log, slog.LevelDebug))
	t.Cleanup(func() { slog.SetDefault(before) })
	return fixture{server.Handler(), log}
}

func (f fixture) ask(method, target, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	f.ServeHTTP(answer, request)
	return answer
}

// lines are the lines of the log so far.
func (f fixture) lines(t *testing.T) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(f.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fields)
	}
	return lines
}

func TestRefusals(t *testing.T) {
	f := newFixture(t, &Server{Mux: http.NewServeMux()})
	for _, test := range []struct {
		method, target string
		status         int
	}{
		{"GET", "/missing", 404},
		{"GET", "/healthz/", 404},
		{"GET", "//healthz", 404},
		{"GET", "/a/../healthz", 404},
		{"GET", "/%2e%2e/healthz", 404},
		{"POST", "/healthz", 405},
		{"OPTIONS", "*", 400},
	} {
		answer := f.ask(test.method, test.target, "")
		var problem Problem
		if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
			t.Fatal(test.target, err)
		}
		if answer.Code != test.status || problem.Status != test.status || problem.Title != http.StatusText(test.status) {
			t.Error(test.method, test.target, answer.Code, problem)
		}
		if kind := answer.Header().Get("Content-Type"); kind != "application/problem+json" {
			t.Error(test.target, kind)
		}
		if answer.Header().Get("Location") != "" {
			t.Error(test.target, "leads elsewhere")
		}
	}
	if allow := f.ask("POST", "/healthz", "").Header().Get("Allow"); allow != "GET, HEAD" {
		t.Error(allow)
	}
}

func TestErrorsOfHandlers(t *testing.T) {
	busy := errors.New("busy")
	for _, test := range []struct {
		name    string
		handler Handler
		status  int
		level   string
	}{
		{"problem", func(http.ResponseWriter, *http.Request) error { return Problem{Status: 409} }, 409, "info"},
		{"error", func(http.ResponseWriter, *http.Request) error { return io.ErrUnexpectedEOF }, 500, "error"},
		{"panic", func(http.ResponseWriter, *http.Request) error { panic("boom") }, 500, "error"},
		{"unavailable", func(http.ResponseWriter, *http.Request) error { return busy }, 503, "error"},
		{"timeout", func(http.ResponseWriter, *http.Request) error { return context.DeadlineExceeded }, 503, "error"},
		{"no content", func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(204); return nil }, 204, "info"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("GET /things/{id}", test.handler)
			f := newFixture(t, &Server{Mux: mux, Unavailable: func(err error) bool { return errors.Is(err, busy) }})
			answer := f.ask("GET", "/things/1", "")
			if answer.Code != test.status || (answer.Header().Get("Retry-After") == "1") != (test.status == 503) {
				t.Error(answer.Code, answer.Header())
			}
			line := f.lines(t)[0]
			if line["message"] != "request" || line["level"] != test.level || line["route"] != "/things/{id}" ||
				line["request_id"] != answer.Header().Get("X-Request-ID") {
				t.Error(line)
			}
			if _, told := line["error"]; told != (test.level == "error") {
				t.Error(line)
			}
		})
	}
}

func TestFailureInTheMiddleOfAnAnswerHangsUp(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.(http.Flusher).Flush()
		return io.ErrUnexpectedEOF
	}))
	f := newFixture(t, &Server{Mux: mux})
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler { //nolint:errorlint // it is never wrapped
			t.Error(cause)
		}
		if line := f.lines(t)[0]; line["level"] != "error" || line["status"] != 200.0 {
			t.Error(line)
		}
	}()
	f.ask("GET", "/", "")
}

func TestMiddlewareThatCopiesTheRequestLeavesTheRoute(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{id}", func(_ http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "handled", "id", r.PathValue("id"))
	})
	copies := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r.Clone(r.Context())) })
	}
	f := newFixture(t, &Server{Mux: mux, Middleware: []func(http.Handler) http.Handler{copies}})
	id := f.ask("GET", "/things/7", "").Header().Get("X-Request-ID")
	lines := f.lines(t)
	if lines[0]["id"] != "7" || lines[0]["request_id"] != id || lines[1]["route"] != "/things/{id}" {
		t.Error(lines)
	}
}

type order struct {
	Name  *string `json:"name"`
	Count *int    `json:"count"`
}

func (o *order) Validate() []BrokenRule {
	if o.Name == nil || *o.Name == "" {
		rule := BrokenRule{"#/name", "expected a name"}
		return []BrokenRule{rule}
	}
	return nil
}

func TestReadJSON(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("POST /{$}", Handler(func(w http.ResponseWriter, r *http.Request) error {
		var sent order
		if err := ReadJSON(r, &sent); err != nil {
			return err
		}
		WriteJSON(w, http.StatusCreated, sent)
		return nil
	}))
	f := newFixture(t, &Server{Mux: mux})
	for body, want := range map[string]string{
		`{"name":"a","count":1,"more":[]}`: `201`,
		`{"name":"","count":"1"}`:          `422 #/count #/name`,
		`{"name":1,"count":1.5}`:           `422 #/name #/count`,
		`[]`:                               `422 #`,
		`null`:                             `422 #`,
		``:                                 `400`,
		`{"name":"a"} {}`:                  `400`,
		"{\"name\":\"\xff\"}":              `400`,
		`{"name":"\ud800"}`:                `400`,
		strings.Repeat(" ", 1<<20+1):       `413`,
	} {
		answer := f.ask("POST", "/", body)
		var problem Problem
		if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
		got := strconv.Itoa(answer.Code)
		for _, rule := range problem.Errors {
			got += " " + rule.Pointer
		}
		if got != want {
			t.Errorf("%.40q: %s", body, got)
		}
	}
}

func TestReadiness(t *testing.T) {
	ok := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errors.New("connection refused") }
	f := newFixture(t, &Server{Mux: http.NewServeMux(), Checks: map[string]Check{"a": ok}})
	answer := f.ask("GET", "/readyz", "")
	if answer.Code != 200 || !strings.Contains(answer.Body.String(), `"status":"ready"`) {
		t.Error(answer.Code, answer.Body)
	}
	f = newFixture(t, &Server{Mux: http.NewServeMux(), Checks: map[string]Check{"a": ok, "b": fails}})
	answer = f.ask("GET", "/readyz", "")
	if answer.Code != 503 || !strings.Contains(answer.Body.String(), `"unavailable"`) || strings.Contains(answer.Body.String(), "refused") {
		t.Error(answer.Code, answer.Body)
	}
	line := f.lines(t)[0]
	if line["level"] != "warn" || line["message"] != "check failed" || line["check"] != "b" || line["error"] != "connection refused" {
		t.Error(line)
	}
}

func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(file, []byte("9000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type settings struct {
		Settings
		Workers int    `env:"WORKERS" envDefault:"4"`
		Token   Secret `env:"TOKEN"`
	}
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"file":        {map[string]string{"PORT": "", "PORT_FILE": file, "TOKEN": "s3cret"}, ""},
		"both":        {map[string]string{"PORT": "9000", "PORT_FILE": file}, "PORT: set PORT or PORT_FILE, not both"},
		"low":         {map[string]string{"PORT": "80"}, "PORT: expected a whole number from 1025 to 65535"},
		"level":       {map[string]string{"LOG_LEVEL": "loud"}, "LOG_LEVEL: expected debug, info, warn or error"},
		"of a type":   {map[string]string{"WORKERS": "s3cret"}, "WORKERS: expected int"},
		"no file":     {map[string]string{"TOKEN_FILE": "s3cret"}, "TOKEN_FILE: expected the path of a readable text file"},
		"two at once": {map[string]string{"PORT": "x", "WORKERS": "x"}, "PORT: expected a whole number from 1025 to 65535; WORKERS: expected int"},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range test.env {
				t.Setenv(key, value)
			}
			var got settings
			err := Load(&got)
			if err == nil {
				err = errors.New("")
			}
			if err.Error() != test.want {
				t.Error(err)
			}
			if test.want == "" && (got.Port != 9000 || got.Workers != 4 || got.Token != "s3cret") {
				t.Error(got)
			}
		})
	}
}

func TestBadArguments(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	if code := run(t.Context(), &log, []string{"fly"}, new(Settings), Commands{"": nil}); code != 2 {
		t.Error(code)
	}
	if !strings.Contains(log.String(), `"message":"bad arguments"`) {
		t.Error(log.String())
	}
}
