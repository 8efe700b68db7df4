package items

import (
	"encoding/json/v2"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/acme/orders/internal/platform"
	"github.com/acme/orders/internal/testdb"
)

// ask returns the status and the body.
func ask(handler http.Handler, method, target, body string) (int, string) {
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer.Code, answer.Body.String()
}

func handler(db *pgxpool.Pool) http.Handler {
	mux := http.NewServeMux()
	Register(mux, db)
	return (&platform.Server{Mux: mux}).Handler()
}

func TestWhatIsRefused(t *testing.T) {
	h := handler(nil) // before the database is asked
	for body, pointers := range map[string][]string{
		`{}`:                              {"#/name", "#/quantity"},
		`{"name":"","quantity":"3"}`:      {"#/name", "#/quantity"},
		`{"name":"a\u0000","quantity":3}`: {"#/name"},
		fmt.Sprintf(`{"name":%q,"quantity":3}`, strings.Repeat("é", 101)): {"#/name"},
		`{"name":"a","quantity":-1}`:                                      {"#/quantity"},
		`{"name":"a","quantity":1000001}`:                                 {"#/quantity"},
	} {
		status, answer := ask(h, "POST", "/items", body)
		for _, pointer := range pointers {
			if status != http.StatusUnprocessableEntity || !strings.Contains(answer, pointer) {
				t.Error(body, status, answer)
			}
		}
	}
	for target, want := range map[string]int{
		"/items/0": 404, "/items/x": 404, "/items/9223372036854775808": 404,
		"/items?limit=0": 400, "/items?limit=101": 400, "/items?limit=": 400, "/items?cursor=x": 400, "/items?cursor=%zz": 400,
	} {
		if status, answer := ask(h, "GET", target, ""); status != want {
			t.Error(target, status, answer)
		}
	}
}

func TestItemsInTheDatabase(t *testing.T) {
	h := handler(testdb.Open(t).Pool)
	for id := 1; id <= 3; id++ {
		status, answer := ask(h, "POST", "/items", fmt.Sprintf(`{"name":"%d","quantity":7}`, id))
		if status != http.StatusCreated || !strings.HasPrefix(answer, fmt.Sprintf(`{"id":%d,"name":"%d","quantity":7,"created_at":"20`, id, id)) {
			t.Fatal(status, answer)
		}
	}
	if status, answer := ask(h, "POST", "/items", `{"name":"1","quantity":7}`); status != http.StatusConflict {
		t.Error(status, answer)
	}
	if status, answer := ask(h, "GET", "/items/2", ""); status != http.StatusOK || !strings.Contains(answer, `"id":2`) {
		t.Error(status, answer)
	}
	if status, answer := ask(h, "GET", "/items/99", ""); status != http.StatusNotFound {
		t.Error(status, answer)
	}
	var got []string
	for target := "/items?limit=2"; target != ""; {
		_, answer := ask(h, "GET", target, "")
		var found page
		if err := json.Unmarshal([]byte(answer), &found); err != nil {
			t.Fatal(err)
		}
		for _, item := range found.Items {
			got = append(got, item.Name)
		}
		target = ""
		if found.Next != nil {
			target = "/items?limit=2&cursor=" + *found.Next
		}
	}
	if strings.Join(got, " ") != "3 2 1" {
		t.Error(got)
	}
}
