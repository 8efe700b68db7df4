// Command orders is the service. `migrate` brings its database up to date, `healthcheck` asks the one that runs.
package main

import (
	"context"
	"net/http"

	"github.com/acme/orders/internal/items"
	"github.com/acme/orders/internal/migrations"
	"github.com/acme/orders/internal/platform"
)

// settings is what this service can be told, from the environment; yours go below.
type settings struct {
	platform.Settings
	platform.DatabaseSettings
}

func main() {
	var told settings
	platform.Main(&told, platform.Commands{
		"":        func(ctx context.Context) error { return serve(ctx, told) },
		"migrate": func(ctx context.Context) error { return platform.Migrate(ctx, told.DatabaseSettings, migrations.Files) },
	})
}

// serve answers requests until ctx ends.
func serve(ctx context.Context, told settings) error {
	database, err := platform.OpenDatabase(told.DatabaseSettings)
	if err != nil {
		return err
	}
	defer database.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", index(told.Version))
	items.Register(mux, database.Pool)

	server := platform.Server{
		Settings:    told.Settings,
		Mux:         mux,
		Checks:      database.Checks(),
		Unavailable: database.Unavailable,
	}
	return server.Run(ctx)
}

// index says what answers here.
func index(version string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		platform.WriteJSON(w, http.StatusOK, map[string]string{"service": platform.Service, "version": version})
	}
}
