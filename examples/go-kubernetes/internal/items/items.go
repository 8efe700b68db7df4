// Package items is a model for slices of your own: a table, and three routes on it.
package items

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/acme/orders/internal/platform"
)

type item struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Quantity  int32     `json:"quantity"`
	CreatedAt time.Time `json:"created_at"`
}

type page struct {
	Items []item  `json:"items"`
	Next  *string `json:"next"` // the cursor of the next page
}

// newItem is what a caller may send; a field that is missing is nil.
type newItem struct {
	Name     *string `json:"name"`
	Quantity *int32  `json:"quantity"`
}

type routes struct{ db *pgxpool.Pool }

// Register adds the routes.
func Register(mux *http.ServeMux, db *pgxpool.Pool) {
	r := routes{db}
	mux.Handle("POST /items", platform.Handler(r.create))
	mux.Handle("GET /items", platform.Handler(r.list))
	mux.Handle("GET /items/{id}", platform.Handler(r.get))
}

// Validate tells which rules are broken; platform.ReadJSON calls it.
func (i *newItem) Validate() []platform.BrokenRule {
	var broken []platform.BrokenRule
	if i.Name == nil || *i.Name == "" || utf8.RuneCountInString(*i.Name) > 100 || strings.ContainsFunc(*i.Name, unicode.IsControl) {
		broken = append(broken, platform.BrokenRule{Pointer: "#/name", Detail: "expected 1 to 100 characters, none of them a control character"})
	}
	if i.Quantity == nil || *i.Quantity < 0 || *i.Quantity > 1_000_000 {
		broken = append(broken, platform.BrokenRule{Pointer: "#/quantity", Detail: "expected an integer from 0 to 1000000"})
	}
	return broken
}

func (s routes) create(w http.ResponseWriter, r *http.Request) error {
	var sent newItem
	if err := platform.ReadJSON(r, &sent); err != nil {
		return err
	}
	var made item
	err := pgx.BeginFunc(r.Context(), s.db, func(tx pgx.Tx) error {
		rows, _ := tx.Query(r.Context(), // CollectExactlyOneRow has the error
			`INSERT INTO items (name, quantity) VALUES ($1, $2) RETURNING id, name, quantity, created_at`, sent.Name, sent.Quantity)
		var err error
		made, err = pgx.CollectExactlyOneRow(rows, scan)
		return err
	})
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok && refusal.ConstraintName == "items_name_key" {
		return platform.Problem{Status: http.StatusConflict, Detail: "There is an item of this name."}
	}
	if err != nil {
		return fmt.Errorf("create item: %w", err)
	}
	w.Header().Set("Location", fmt.Sprintf("/items/%d", made.ID))
	platform.WriteJSON(w, http.StatusCreated, made)
	return nil
}

func (s routes) get(w http.ResponseWriter, r *http.Request) error {
	id, err := positive(r.PathValue("id"))
	if err != nil {
		return platform.Problem{Status: http.StatusNotFound}
	}
	rows, _ := s.db.Query(r.Context(), `SELECT id, name, quantity, created_at FROM items WHERE id = $1`, id)
	found, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return platform.Problem{Status: http.StatusNotFound}
	}
	if err != nil {
		return fmt.Errorf("get item: %w", err)
	}
	platform.WriteJSON(w, http.StatusOK, found)
	return nil
}

func (s routes) list(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return platform.Problem{Status: http.StatusBadRequest, Detail: "expected a well-formed query"}
	}
	limit, err := parameter(query, "limit", 20)
	if err != nil || limit > 100 {
		return platform.Problem{Status: http.StatusBadRequest, Detail: "limit: expected 1 to 100"}
	}
	cursor, err := parameter(query, "cursor", math.MaxInt64)
	if err != nil {
		return platform.Problem{Status: http.StatusBadRequest, Detail: "cursor: expected what an earlier page gave as next"}
	}
	// One more than is shown, to know whether there are older ones.
	rows, _ := s.db.Query(r.Context(),
		`SELECT id, name, quantity, created_at FROM items WHERE id < $1 ORDER BY id DESC LIMIT $2`, cursor, limit+1)
	found, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return fmt.Errorf("list items: %w", err)
	}
	answer := page{Items: found}
	if int64(len(found)) > limit {
		answer.Items = found[:limit]
		answer.Next = new(strconv.FormatInt(found[limit-1].ID, 10))
	}
	platform.WriteJSON(w, http.StatusOK, answer)
	return nil
}

func scan(row pgx.CollectableRow) (item, error) {
	found, err := pgx.RowToStructByPos[item](row)
	found.CreatedAt = found.CreatedAt.UTC().Truncate(time.Millisecond)
	return found, err
}

// parameter is a positive number of the query.
func parameter(query url.Values, name string, fallback int64) (int64, error) {
	if !query.Has(name) {
		return fallback, nil
	}
	return positive(query.Get(name))
}

func positive(text string) (int64, error) {
	number, err := strconv.ParseUint(text, 10, 63)
	if number == 0 {
		return 0, strconv.ErrRange
	}
	return int64(number), err
}
