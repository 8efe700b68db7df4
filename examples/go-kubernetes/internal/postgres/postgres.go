// Package postgres opens the database: a pool of connections that are made on demand.
package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectWithin stands unless the URL has a connect_timeout. In pgxpool's two minutes, attempts to reach a host that
	// is gone would fill the pool.
	connectWithin = 5 * time.Second
	closeWithin   = 500 * time.Millisecond
)

// Open connects to nothing yet: the service starts without waiting for its database, and readiness tells whether
// it answers. The URL may tune the pool: ?pool_max_conns=10.
func Open(url, password string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if password != "" {
		cfg.ConnConfig.Password = password
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectWithin
	}
	return pgxpool.NewWithConfig(context.Background(), cfg)
}

// Close waits for connections in use, but not for long: after a stop that had to cut requests they never come back.
func Close(pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closeWithin):
	}
}
