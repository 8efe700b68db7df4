package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// setenv leaves nothing set but the given settings.
func setenv(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range []string{"PORT", "LOG_LEVEL", "DATABASE_URL", "DATABASE_PASSWORD", "VERSION"} {
		t.Setenv(name, env[name])
		t.Setenv(name+"_FILE", env[name+"_FILE"])
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "setting")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	defaults := Config{Port: 8080, LogLevel: slog.LevelInfo, Version: "dev"}
	with := func(change func(*Config)) Config {
		cfg := defaults
		change(&cfg)
		return cfg
	}
	tests := []struct {
		name string
		env  map[string]string
		want Config
	}{
		{"nothing set", nil, defaults},
		{"port", map[string]string{"PORT": "9000"}, with(func(c *Config) { c.Port = 9000 })},
		{"port from a file", map[string]string{"PORT_FILE": file(t, "9001\n")}, with(func(c *Config) { c.Port = 9001 })},
		{"level", map[string]string{"LOG_LEVEL": "debug"}, with(func(c *Config) { c.LogLevel = slog.LevelDebug })},
		{"version", map[string]string{"VERSION": "1.2.3"}, with(func(c *Config) { c.Version = "1.2.3" })},
		{"empty file", map[string]string{"VERSION_FILE": file(t, " \n")}, defaults},
		{
			"database",
			map[string]string{
				"DATABASE_URL":           "postgresql://app@database:5432/app",
				"DATABASE_PASSWORD_FILE": file(t, " kept inside, cut at the end \r\n"),
			},
			with(func(c *Config) {
				c.DatabaseURL = "postgresql://app@database:5432/app"
				c.DatabasePassword = " kept inside, cut at the end"
			}),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			setenv(t, test.env)
			got, err := Load(8080)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	const port = "PORT: expected a whole number from 1025 to 65535"
	const database = "DATABASE_URL: expected postgresql://user@host:5432/name"
	const password = "DATABASE_URL: expected no password in the URL: set DATABASE_PASSWORD_FILE"
	const missing = "DATABASE_PASSWORD_FILE: expected the path of a readable file: no such file or directory"
	tests := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"port not a number", map[string]string{"PORT": "http"}, port},
		{"port too low", map[string]string{"PORT": "1024"}, port},
		{"port too high", map[string]string{"PORT": "65536"}, port},
		{"level", map[string]string{"LOG_LEVEL": "loud"}, "LOG_LEVEL: expected debug, info, warn or error"},
		{"other database", map[string]string{"DATABASE_URL": "mysql://app@database/app"}, database},
		{"no URL", map[string]string{"DATABASE_URL": "database"}, database},
		{"password in the URL", map[string]string{"DATABASE_URL": "postgresql://app:hunter2@database/app"}, password},
		{"password in the query", map[string]string{"DATABASE_URL": "postgresql://app@database/app?password=hunter2"}, password},
		{"both", map[string]string{"PORT": "9000", "PORT_FILE": "/port"}, "PORT: set PORT or PORT_FILE, not both"},
		{"secret in place of its path", map[string]string{"DATABASE_PASSWORD_FILE": "hunter2"}, missing},
		{
			"two at once",
			map[string]string{"PORT": "0", "LOG_LEVEL": "loud"},
			port + "; LOG_LEVEL: expected debug, info, warn or error",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			setenv(t, test.env)
			_, err := Load(8080)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	cfg := Config{DatabasePassword: "hunter2"}
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(asJSON), fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg)} {
		if strings.Contains(shown, "hunter2") || !strings.Contains(shown, redacted) {
			t.Error(shown)
		}
	}
}
