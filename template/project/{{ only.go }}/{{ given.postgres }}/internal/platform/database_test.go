package platform

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDatabaseURL(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"postgresql://app@db/shop":                                    true,
		"postgres://app@[::1]:5432/shop?sslmode=require":              true,
		"postgres://app@db/shop?sslmode=verify-full":                  true,
		"postgres://app@db/shop?sslmode=allow":                        false,
		"postgres://app@db/shop?sslmode=":                             false,
		"postgres://app@db/shop?sslmode=disable&sslmode=prefer":       false,
		"postgres://app@db/shop?sslmode=verify-ca&sslrootcert=" + ca:  false,
		"postgres://app@db/shop?sslrootcert=/ca.pem":                  false,
		"postgres://app@db/shop?sslmode=verify-ca&sslrootcert=system": false,
		"postgres://app:s3cret@db/shop":                               false,
		"postgres://app:@db/shop":                                     false,
		"postgres://app@db/shop?password=s3cret":                      false,
		"postgres://app@db/shop?pool_max_conns=3":                     false,
		"postgres://app@a:5432,b:5432/shop":                           false,
		"postgres://app@a,b/shop":                                     false,
		"postgres://app@db":                                           false,
		"postgres://db/shop":                                          false,
		"mysql://app@db/shop":                                         false,
		"postgresql+asyncpg://app@db/shop":                            false,
		"host=db user=app":                                            false,
	} {
		if err := new(DatabaseURL).UnmarshalText([]byte(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
