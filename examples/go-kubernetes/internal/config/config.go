// Package config reads the settings from the environment.
package config

import (
	"errors"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
)

// Config is what the service can be told.
type Config struct {
	Port             int
	LogLevel         slog.Level
	DatabaseURL      string // empty: there is no database
	DatabasePassword Secret
	Version          string
}

// Error says what is wrong with the settings: one line that names each bad one and what was expected.
type Error string

func (e Error) Error() string { return string(e) }

// Load reads the settings; what it returns for bad ones is an Error.
func Load(defaultPort int) (Config, error) {
	var problems []string
	cfg := Config{
		Port:             setting(&problems, "PORT", defaultPort, parsePort),
		LogLevel:         setting(&problems, "LOG_LEVEL", slog.LevelInfo, parseLevel),
		DatabaseURL:      setting(&problems, "DATABASE_URL", "", parseDatabaseURL),
		DatabasePassword: setting(&problems, "DATABASE_PASSWORD", "", parseSecret),
		Version:          setting(&problems, "VERSION", "dev", parseText),
	}
	if len(problems) > 0 {
		return Config{}, Error(strings.Join(problems, "; "))
	}
	return cfg, nil
}

// setting is the value of name, or fallback where it is unset; what is wrong with it goes to problems.
func setting[T any](problems *[]string, name string, fallback T, parse func(string) (T, error)) T {
	text, err := lookup(name)
	if err != nil {
		*problems = append(*problems, err.Error())
		return fallback
	}
	if text == "" {
		return fallback
	}
	value, err := parse(text)
	if err != nil {
		*problems = append(*problems, name+": "+err.Error())
		return fallback
	}
	return value
}

// The errors below never quote the value: it may be a secret that was put in the wrong place.

func parsePort(text string) (int, error) {
	port, err := strconv.Atoi(text)
	if err != nil || port < 1025 || port > 65535 {
		return 0, errors.New("expected a whole number from 1025 to 65535")
	}
	return port, nil
}

func parseLevel(text string) (slog.Level, error) {
	switch text {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, errors.New("expected debug, info, warn or error")
}

func parseDatabaseURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgresql" && u.Scheme != "postgres" || u.Hostname() == "" {
		return "", errors.New("expected postgresql://user@host:5432/name")
	}
	// URLs end up in logs and error reports, so the password has a setting of its own.
	if _, found := u.User.Password(); found || u.Query().Has("password") {
		return "", errors.New("expected no password in the URL: set DATABASE_PASSWORD_FILE")
	}
	return text, nil
}

func parseSecret(text string) (Secret, error) { return Secret(text), nil }

func parseText(text string) (string, error) { return text, nil }
