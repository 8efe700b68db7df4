package platform

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	connectWithin   = 5 * time.Second
	acquireWithin   = 5 * time.Second
	statementWithin = 11 * time.Second // after 10 s PostgreSQL ends it itself, by the setting of its role: deploy/database/roles.sh
	closeWithin     = 500 * time.Millisecond
)

var errNoDatabase = errors.New("DATABASE_URL is not set")

// DatabaseSettings say where the database is; embed them in your settings.
type DatabaseSettings struct {
	DatabaseURL      DatabaseURL `env:"DATABASE_URL" expected:"postgresql://user@host:5432/name, without a password, with sslmode and sslrootcert alone"`
	DatabasePassword Secret      `env:"DATABASE_PASSWORD"` // to be right at the start; it is read again for each connection
	DatabasePoolSize PoolSize    `env:"DATABASE_POOL_SIZE" envDefault:"10" expected:"a whole number from 1 to 100"`
	DatabaseSchema   string      // for a test that has one of its own
}

// DatabaseURL has no password, for URLs end up in logs and error reports.
type DatabaseURL string

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *DatabaseURL) UnmarshalText(text []byte) error {
	refused := errors.New("refused")
	u, err := url.Parse(string(text))
	if err != nil || u.Scheme != "postgresql" && u.Scheme != "postgres" || u.User.Username() == "" ||
		u.Hostname() == "" || strings.Contains(u.Host, ",") || len(u.Path) < 2 {
		return refused
	}
	query, err := url.ParseQuery(u.RawQuery)
	if _, password := u.User.Password(); err != nil || password || len(query["sslmode"]) > 1 || len(query["sslrootcert"]) > 1 {
		return refused
	}
	if !query.Has("sslmode") {
		query.Set("sslmode", "prefer")
	}
	mode := query.Get("sslmode")
	if !slices.Contains([]string{"disable", "prefer", "require", "verify-ca", "verify-full"}, mode) ||
		query.Has("sslrootcert") && !(strings.HasPrefix(mode, "verify-") && strings.HasPrefix(query.Get("sslrootcert"), "/")) {
		return refused
	}
	u.RawQuery = query.Encode()
	*d = DatabaseURL(u.String())
	allowed := []string{"user", "host", "port", "database", "sslmode", "sslrootcert"}
	_, err = pgx.ParseConfigWithOptions(u.String(), pgx.ParseConfigOptions{
		ParseConfigOptions: pgconn.ParseConfigOptions{ConnStringAllowedKeys: allowed},
	})
	return err
}

// PoolSize is the number of connections that the service has at most.
type PoolSize int32

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *PoolSize) UnmarshalText(text []byte) error { return parseWhole(p, text, 1, 100) }

// Database is a pool of connections that are made on demand.
type Database struct {
	*pgxpool.Pool
	probe *pgxpool.Pool // of one connection, for readiness: busy is not unready
}

// OpenDatabase connects to nothing yet: the service starts without waiting for its database, and readiness tells whether
// it answers.
func OpenDatabase(settings DatabaseSettings) (*Database, error) {
	config, err := settings.config()
	if err != nil {
		return nil, err
	}
	probe, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	config = config.Copy()
	config.MaxConns = int32(settings.DatabasePoolSize)
	config.ConnConfig.Tracer = limits{}
	if tracing() {
		config.ConnConfig.Tracer = multitracer.New(limits{}, otelpgx.NewTracer(otelpgx.WithDisableAcquireTracer()))
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	return &Database{pool, probe}, nil
}

func (s DatabaseSettings) config() (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(string(s.DatabaseURL))
	if err != nil {
		return nil, err
	}
	config.MaxConns = 1
	config.ConnConfig.ConnectTimeout = connectWithin
	config.ConnConfig.RuntimeParams["application_name"] = Service
	if s.DatabaseSchema != "" {
		config.ConnConfig.RuntimeParams["search_path"] = s.DatabaseSchema
	}
	config.BeforeConnect = s.beforeConnect
	return config, nil
}

// beforeConnect reads the password again, so that one that was changed needs no restart.
func (s DatabaseSettings) beforeConnect(_ context.Context, config *pgx.ConnConfig) error {
	if s.DatabaseURL == "" {
		return errNoDatabase
	}
	password, err := lookup("DATABASE_PASSWORD")
	config.Password = password
	return err
}

// Checks is what readiness asks; nothing where no database is set.
func (d *Database) Checks() map[string]Check {
	if d.Config().ConnConfig.Database == "" {
		return nil
	}
	return map[string]Check{"database": d.probe.Ping}
}

// Unavailable tells whether err means that the database gave no answer, or not in time.
func (d *Database) Unavailable(err error) bool {
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); connecting || errors.Is(err, errNoDatabase) {
		return true
	}
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Connections, resources, an operator: https://www.postgresql.org/docs/current/errcodes-appendix.html
		return slices.Contains([]string{"08", "53", "57"}, refusal.Code[:2])
	}
	return false
}

// Close waits for connections in use, but not for long: after a stop that had to cut requests they never come back.
func (d *Database) Close() {
	closed := make(chan struct{})
	go func() {
		d.probe.Close()
		d.Pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closeWithin):
	}
}

// limits ends the wait for a connection, and a statement that not even PostgreSQL ended in time: it may be frozen.
type limits struct{}

type cancelKey struct{}

func begin(ctx context.Context, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, limit)
	return context.WithValue(ctx, cancelKey{}, cancel)
}

func end(ctx context.Context) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (limits) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	return begin(ctx, acquireWithin)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (limits) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	end(ctx)
}

// TraceQueryStart implements pgx.QueryTracer.
func (limits) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return begin(ctx, statementWithin)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (limits) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) { end(ctx) }
