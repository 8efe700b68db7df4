// Command service runs the service; `service healthcheck` asks the one that runs whether it lives.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"service/internal/config"
	"service/internal/httpserver"
	"service/internal/logging"
	"service/internal/postgres"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// run does what args ask for and returns the exit code.
func run(ctx context.Context, args []string, stdout io.Writer) int {
	level := new(slog.LevelVar)
	log := logging.New(stdout, level, httpserver.LogAttrs)
	slog.SetDefault(log)
	if err := do(ctx, args, log, level); err != nil {
		message := "failed"
		if _, bad := errors.AsType[config.Error](err); bad {
			message = "bad settings"
		}
		log.Error(message, "error", err)
		return 1
	}
	return 0
}

func do(ctx context.Context, args []string, log *slog.Logger, level *slog.LevelVar) error {
	cfg, err := config.Load(defaultPort)
	if err != nil {
		return err
	}
	level.Set(cfg.LogLevel)

	switch command := strings.Join(args, " "); command {
	case "":
		return serve(ctx, cfg, log)
	case "healthcheck":
		return healthcheck(cfg.Port)
	default:
		return fmt.Errorf("expected healthcheck or nothing, got %q", command)
	}
}

// serve wires the parts together and answers requests until ctx ends.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	checks := map[string]httpserver.Check{}
	if cfg.DatabaseURL != "" {
		database, err := postgres.Open(cfg.DatabaseURL, string(cfg.DatabasePassword))
		if err != nil {
			return config.Error("DATABASE_URL: " + err.Error())
		}
		defer postgres.Close(database)
		checks["database"] = database.Ping
	}

	log.Info("starting", "port", cfg.Port, "version", cfg.Version)
	server := httpserver.New(httpserver.Options{
		Service: name,
		Version: cfg.Version,
		Checks:  checks,
		Log:     log,
	})
	if err := server.Run(ctx, fmt.Sprintf(":%d", cfg.Port)); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// healthcheck is the image's HEALTHCHECK: it needs no shell and no curl.
func healthcheck(port int) error {
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/healthz", port))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz: %s", response.Status)
	}
	return nil
}
