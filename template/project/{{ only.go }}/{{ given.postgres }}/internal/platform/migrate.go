package platform

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrateWithin is how long the database may take to come up.
const migrateWithin = 30 * time.Second

// Migrate applies the migrations that the database lacks. Of two at once the second waits for the first.
func Migrate(ctx context.Context, settings DatabaseSettings, files fs.FS) error {
	if settings.DatabaseURL == "" {
		return Failure{"bad settings", errors.New("DATABASE_URL: expected postgresql://user@host:5432/name")}
	}
	config, err := settings.config()
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config.ConnConfig, stdlib.OptionBeforeConnect(settings.beforeConnect))
	applied, err := migrate(ctx, db, files)
	if err := errors.Join(err, db.Close()); err != nil {
		return Failure{"migration failed", err}
	}
	slog.Info("migrated", "applied", applied)
	return nil
}

// migrate returns how many it applied.
func migrate(ctx context.Context, db *sql.DB, files fs.FS) (int, error) {
	for end := time.Now().Add(migrateWithin); ; {
		err := db.PingContext(ctx)
		if err == nil {
			break
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return 0, err
		}
		time.Sleep(time.Second)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600)) // asks each second, for ten minutes
	if err != nil {
		return 0, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if errors.Is(err, goose.ErrNoMigrations) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	return len(results), err
}
