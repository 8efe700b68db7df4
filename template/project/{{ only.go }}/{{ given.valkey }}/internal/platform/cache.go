package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	cacheAnswer      = 2 * time.Second // a connection, and each answer
	cacheWithin      = 4 * time.Second // all of a command, with the second try
	cacheConnections = 10
)

// replaceScript replaces the value that we know, if no other has its place. ARGV: that value, the new one (none: delete),
// its seconds.
const replaceScript = `
local found = redis.call("GET", KEYS[1])
if found and found ~= ARGV[1] then return 0 end
if ARGV[2] == "" then return redis.call("DEL", KEYS[1]) end
redis.call("SET", KEYS[1], ARGV[2], "EX", ARGV[3])
return 1`

var errNoCache = errors.New("CACHE_URL is not set")

// CacheSettings say where the cache is; embed them in your settings.
type CacheSettings struct {
	CacheURL      CacheURL `env:"CACHE_URL" expected:"redis://host:6379 or rediss://user@host:6379/0, no parameter but sslrootcert, a file of certificates in PEM that goes with rediss://, and no password: set CACHE_PASSWORD_FILE"`
	CachePassword Secret   `env:"CACHE_PASSWORD"` // to be right at the start; it is read again for each connection
}

// CacheURL has no password, for URLs end up in logs and error reports.
type CacheURL struct {
	address string
	user    string
	number  int
	tls     *tls.Config
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *CacheURL) UnmarshalText(text []byte) error {
	refused := errors.New("refused")
	u, err := url.Parse(string(text))
	if err != nil || u.Hostname() == "" || u.Fragment != "" {
		return refused
	}
	query, err := url.ParseQuery(u.RawQuery)
	roots := query["sslrootcert"]
	_, password := u.User.Password()
	if err != nil || password || len(query) != min(len(roots), 1) || len(roots) > 1 {
		return refused
	}
	switch u.Scheme {
	case "redis", "valkey":
		if roots != nil {
			return refused
		}
	case "rediss", "valkeys":
		c.tls = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	default:
		return refused
	}
	if roots != nil {
		pem, err := os.ReadFile(roots[0])
		c.tls.RootCAs = x509.NewCertPool()
		if err != nil || !c.tls.RootCAs.AppendCertsFromPEM(pem) {
			return refused
		}
	}
	if number := strings.TrimPrefix(u.Path, "/"); number != "" {
		database, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return refused
		}
		c.number = int(database)
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	c.address, c.user = net.JoinHostPort(u.Hostname(), port), u.User.Username()
	return nil
}

// Cache is Valkey, or what speaks its protocol; connections are made on demand.
type Cache struct {
	client   *redis.Client // nil where no cache is set
	probe    *redis.Client // of one connection, for readiness: busy is not unready
	answered atomic.Bool
}

// OpenCache connects to nothing yet: the service starts without waiting for its cache, and readiness tells whether it
// answers.
func OpenCache(settings CacheSettings) *Cache {
	redis.SetLogger(noLog{})
	if settings.CacheURL.address == "" {
		return &Cache{}
	}
	return &Cache{client: settings.CacheURL.client(cacheConnections), probe: settings.CacheURL.client(1)}
}

func (c CacheURL) client(connections int) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:      c.address,
		DB:        c.number,
		TLSConfig: c.tls,
		// Read for each connection, so that a password that was changed needs no restart.
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			password, err := lookup("CACHE_PASSWORD")
			return c.user, password, err
		},
		DialTimeout:           cacheAnswer,
		ReadTimeout:           cacheAnswer,
		WriteTimeout:          cacheAnswer,
		ContextTimeoutEnabled: true,
		PoolSize:              connections,
		PoolTimeout:           cacheAnswer,
		DialerRetries:         1,
		// Once more over another connection, where this one is closed, or leads to who was the primary until a failover.
		MaxRetries:               1,
		Protocol:                 2,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Checks is what readiness asks; nothing where no cache is set.
func (c *Cache) Checks() map[string]Check {
	if c.client == nil {
		return nil
	}
	return map[string]Check{"cache": func(ctx context.Context) error {
		err := c.probe.Ping(ctx).Err()
		if err == nil {
			c.answered.Store(true)
		} else if c.answered.Load() {
			return Told{err} // not worth an outage of all else
		}
		return err
	}}
}

// Close hangs up.
func (c *Cache) Close() {
	if c.client != nil {
		_, _ = c.client.Close(), c.probe.Close()
	}
}

// claim sets a value where there is none, and returns the one that is there now.
func (c *Cache) claim(ctx context.Context, name, value string, keep time.Duration) (string, error) {
	if c.client == nil {
		return "", errNoCache
	}
	ctx, cancel := context.WithTimeout(ctx, cacheWithin)
	defer cancel()
	found, err := c.client.SetArgs(ctx, name, value, redis.SetArgs{Mode: "NX", Get: true, TTL: keep}).Result()
	if errors.Is(err, redis.Nil) {
		return value, nil
	}
	return found, err
}

// replace sets a value in the place of the known one, or deletes that, if the value is empty.
func (c *Cache) replace(ctx context.Context, name, known, value string, keep time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, cacheWithin)
	defer cancel()
	return c.client.Eval(ctx, replaceScript, []string{name}, known, value, int(keep.Seconds())).Err()
}

// noLog is for what the client says of connections that fail: each request that meets one has a line of its own.
type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}
