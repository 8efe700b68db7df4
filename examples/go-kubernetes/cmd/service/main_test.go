package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// freePort sets PORT to one that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	t.Setenv("PORT", port)
	return port
}

// start runs the service; stop ends it and returns its exit code and its log.
func start(t *testing.T) (stop func() (int, []map[string]any)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, nil, &log) }()
	for range 100 {
		if run(t.Context(), []string{"healthcheck"}, io.Discard) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return func() (int, []map[string]any) {
		cancel()
		return <-code, parse(t, log.String())
	}
}

func parse(t *testing.T, log string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, fields)
	}
	return lines
}

func TestLife(t *testing.T) {
	port := freePort(t)
	stop := start(t)

	response, err := http.Get("http://127.0.0.1:" + port + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]string
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if body["service"] != name || body["version"] != "dev" {
		t.Error(body)
	}

	// A connection without a request, as browsers make them: it must not hold up the stop.
	unused, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()

	began := time.Now()
	code, lines := stop()
	if took := time.Since(began); took > time.Second {
		t.Errorf("the stop took %v", took)
	}
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	var messages []string
	for _, line := range lines {
		messages = append(messages, fmt.Sprint(line["level"], " ", line["message"], " ", line["request_id"]))
	}
	want := []string{
		"info starting <nil>",
		"info request " + response.Header.Get("X-Request-ID"),
		"info stopped <nil>",
	}
	if strings.Join(messages, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", messages, want)
	}
}

func TestRunningRequestFinishes(t *testing.T) {
	// A database that takes connections and never answers: /readyz waits for it, two seconds.
	database, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	t.Setenv("DATABASE_URL", fmt.Sprintf("postgresql://app@%s/app", database.Addr()))
	port := freePort(t)
	stop := start(t)

	answers := make(chan string, 1)
	go func() {
		response, err := http.Get("http://127.0.0.1:" + port + "/readyz")
		if err != nil {
			answers <- err.Error()
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		answers <- fmt.Sprint(response.StatusCode, " ", strings.TrimSpace(string(body)), " ", err)
	}()
	time.Sleep(100 * time.Millisecond)

	if code, _ := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	want := `503 {"status":"unavailable","checks":{"database":"failed"}} <nil>`
	if answer := <-answers; answer != want {
		t.Errorf("got %s, want %s", answer, want)
	}
}

func TestBadSettingEndsTheStart(t *testing.T) {
	for name, value := range map[string]string{
		"PORT":         "80",
		"DATABASE_URL": "postgresql://app@database:5432/app?sslmode=maybe",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			var log bytes.Buffer
			if code := run(t.Context(), nil, &log); code != 1 {
				t.Errorf("exit code %d", code)
			}
			lines := parse(t, log.String())
			if len(lines) != 1 || lines[0]["level"] != "error" || lines[0]["message"] != "bad settings" ||
				!strings.HasPrefix(fmt.Sprint(lines[0]["error"]), name+": ") {
				t.Error(lines)
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("PORT", strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	if code := run(t.Context(), nil, io.Discard); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

func TestHealthcheckFails(t *testing.T) {
	freePort(t)
	if code := run(t.Context(), []string{"healthcheck"}, io.Discard); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

func TestUnknownCommand(t *testing.T) {
	if code := run(t.Context(), []string{"dance"}, io.Discard); code != 1 {
		t.Errorf("exit code %d", code)
	}
}
