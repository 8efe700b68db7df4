package postgres

import (
	"strings"
	"testing"
)

const nobody = "postgresql://app@127.0.0.1:1/app"

func TestOpenConnectsToNothing(t *testing.T) {
	pool, err := Open(nobody, "hunter2")
	if err != nil {
		t.Fatal(err)
	}
	defer Close(pool)
	if password := pool.Config().ConnConfig.Password; password != "hunter2" {
		t.Errorf("password: %s", password)
	}
	if err := pool.Ping(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("ping: %v", err)
	}
}

func TestOpenRefusesBadParameters(t *testing.T) {
	if _, err := Open(nobody+"?sslmode=maybe", ""); err == nil {
		t.Error("no error")
	}
}

func TestConnectTimeout(t *testing.T) {
	for query, seconds := range map[string]float64{"": 5, "?connect_timeout=60": 60} {
		pool, err := Open(nobody+query, "")
		if err != nil {
			t.Fatal(err)
		}
		defer Close(pool)
		if got := pool.Config().ConnConfig.ConnectTimeout.Seconds(); got != seconds {
			t.Errorf("%q: got %v s", query, got)
		}
	}
}
