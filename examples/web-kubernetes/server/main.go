// Command shop serves the page that `npm run build` made, and passes /api on to the back end.
// `healthcheck` asks the one that runs.
package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"

	"github.com/acme/shop/server/internal/platform"
	"github.com/acme/shop/server/internal/platform/site"
)

// settings is what this service can be told, from the environment; yours go below.
type settings struct {
	platform.Settings
	BackendURL site.BackendURL `env:"BACKEND_URL" expected:"http://host:8000"`
}

func main() {
	var told settings
	platform.Main(&told, platform.Commands{
		"": func(ctx context.Context) error { return serve(ctx, told) },
	})
}

// serve answers requests until ctx ends.
func serve(ctx context.Context, told settings) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	page, err := site.Open(os.DirFS(filepath.Join(filepath.Dir(program), "public")), told.BackendURL)
	if err != nil {
		return err
	}
	// What the page may load: add the hosts of others here, such as those of fonts or of a login.
	page.Policy["img-src"] = "'self' data:"

	mux := http.NewServeMux()
	page.Register(mux)

	server := platform.Server{
		Settings: told.Settings, Mux: mux, Middleware: page.Middleware(), Checks: page.Checks(), Unavailable: site.Unavailable,
	}
	return server.Run(ctx)
}
