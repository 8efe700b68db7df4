// Package migrations holds the steps of the database's schema, which goose applies in the order of their numbers.
package migrations

import "embed"

// Files is everything here, and not `*.sql`, which would not compile without a migration.
//
//go:embed *
var Files embed.FS
