// Package platform runs the service: start and stop, settings, logs, metrics, traces, health, errors.
// An update of the template brings these files forward: what is yours stands beside them, and calls them.
package platform

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Commands are what the program can be told to do by its argument; "" is what it does without one.
type Commands map[string]func(context.Context) error

// Failure is an error with the message that its log line has.
type Failure struct {
	Message string
	Err     error
}

func (f Failure) Error() string { return f.Err.Error() }

func (f Failure) Unwrap() error { return f.Err }

// Main loads the settings, a pointer to a struct that embeds Settings, runs the command that is asked for, and exits.
func Main(settings interface{ common() *Settings }, commands Commands) {
	// Before all else, so that a signal during the start ends it too.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Stdout, os.Args[1:], settings, commands)
	stop()
	os.Exit(code)
}

// run returns the exit code.
func run(ctx context.Context, stdout io.Writer, args []string, settings interface{ common() *Settings }, commands Commands) int {
	level := new(slog.LevelVar)
	slog.SetDefault(newLogger(stdout, level))

	all := maps.Clone(commands)
	all["healthcheck"] = func(ctx context.Context) error { return healthcheck(ctx, settings.common().Port) }
	command, known := all[strings.Join(args, " ")]
	if !known {
		names := slices.Sorted(maps.Keys(all))
		slog.Error("bad arguments", "error", "expected nothing, or one of:"+strings.Join(names, " "))
		return 2
	}
	err := Load(settings)
	if err == nil {
		level.Set(settings.common().LogLevel)
		err = traced(ctx, settings.common(), command)
	}
	if err != nil {
		message := "failed"
		if failure, ok := errors.AsType[Failure](err); ok {
			message = failure.Message
		}
		slog.Error(message, "error", err)
		return 1
	}
	return 0
}
