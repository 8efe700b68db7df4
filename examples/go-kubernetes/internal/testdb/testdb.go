// Package testdb gives a test the database of DATABASE_URL, in a schema of its own.
package testdb

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/acme/orders/internal/migrations"
	"github.com/acme/orders/internal/platform"
)

// Open makes the schema, migrates it, and drops it when the test ends. Without DATABASE_URL the test is skipped.
func Open(t *testing.T) *platform.Database {
	t.Helper()
	var settings platform.DatabaseSettings
	if err := platform.Load(&settings); err != nil {
		t.Fatal(err)
	}
	if settings.DatabaseURL == "" {
		t.Skip("there is no DATABASE_URL")
	}
	settings.DatabaseSchema = "test_" + strings.ToLower(rand.Text())
	database, err := platform.OpenDatabase(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(database.Close)
	if _, err := database.Exec(t.Context(), "CREATE SCHEMA "+settings.DatabaseSchema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := database.Exec(context.Background(), "DROP SCHEMA "+settings.DatabaseSchema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	if err := platform.Migrate(t.Context(), settings, migrations.Files); err != nil {
		t.Fatal(err)
	}
	return database
}
