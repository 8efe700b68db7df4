package testdb

import "testing"

func TestMigrationsApply(t *testing.T) {
	if err := Open(t).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}
