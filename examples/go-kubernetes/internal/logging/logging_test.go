package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"testing"
)

type key struct{}

func attrs(ctx context.Context) []slog.Attr {
	if id, ok := ctx.Value(key{}).(string); ok {
		return []slog.Attr{slog.String("request_id", id)}
	}
	return nil
}

func parse(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return fields
}

func TestFields(t *testing.T) {
	var out bytes.Buffer
	ctx := context.WithValue(t.Context(), key{}, "abc")
	New(&out, slog.LevelInfo, attrs).With("check", "database").WarnContext(ctx, "check failed", "error", errors.New("line 1\nline 2"))

	if bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Errorf("want one line, got %q", out.String())
	}
	line := parse(t, out.Bytes())
	if time, _ := line["time"].(string); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(time) {
		t.Errorf("time: %v", line["time"])
	}
	delete(line, "time")
	want := map[string]any{
		"level":      "warn",
		"message":    "check failed",
		"check":      "database",
		"error":      "line 1\nline 2",
		"request_id": "abc",
	}
	if !maps.Equal(line, want) {
		t.Errorf("got %v, want %v", line, want)
	}
}

func TestLevels(t *testing.T) {
	var out bytes.Buffer
	log := New(&out, slog.LevelWarn, attrs)
	log.Debug("x")
	log.Info("x")
	log.Warn("x")
	log.Error("x")

	var levels []string
	for line := range bytes.Lines(out.Bytes()) {
		level, _ := parse(t, line)["level"].(string)
		levels = append(levels, level)
	}
	if !slices.Equal(levels, []string{"warn", "error"}) {
		t.Error(levels)
	}
}
