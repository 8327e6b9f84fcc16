package shopify

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// question is one GraphQL request. Reading twice is like reading once; a mutation says so itself.
type question struct {
	name      string
	class     driver.Class
	query     string
	variables map[string]any
	cost      int
	once      bool // a mutation that must not be repeated blindly
}

// ask sends a question and returns the data of its answer, which Judge found without errors.
func ask(ctx context.Context, c driver.Caller, q question) (strictjson.Value, driver.Answer, error) {
	body, err := json.Marshal(map[string]any{"query": q.query, "variables": q.variables})
	if err != nil {
		return strictjson.Value{}, driver.Answer{}, &hub.Error{Kind: hub.KindInternal, Op: "writing a question to shopify"}
	}
	answer, err := c.Call(ctx, driver.Call{
		Name: q.name, Class: q.class, Method: http.MethodPost, Path: pathGraphQL, Body: body, Cost: q.cost, Repeat: !q.once,
	})
	if err != nil {
		return strictjson.Value{}, answer, err
	}
	v, err := strictjson.Parse(answer.Body)
	if err != nil {
		return strictjson.Value{}, answer, unreadable()
	}
	return v.Get("data"), answer, nil
}

func unreadable() error {
	return &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: "reading shopify's answer"}
}

// gid is a global id of a kind.
func gid(kind string, id hub.ExternalID) string { return "gid://shopify/" + kind + "/" + string(id) }

// plainID is the number of a global id; ok is false for one of another kind.
func plainID(v strictjson.Value, kind string) (id hub.ExternalID, ok bool) {
	text, ok := strings.CutPrefix(v.Text(), "gid://shopify/"+kind+"/")
	return hub.ExternalID(text), ok && checkID(text) == ""
}

// nextPage reads where a connection goes on; "" at its end. A page that says there is more and not where is unreadable.
func nextPage(connection strictjson.Value) (string, error) {
	info := connection.Get("pageInfo")
	if info.Get("hasNextPage").Kind() != strictjson.Bool {
		return "", unreadable()
	}
	if info.Get("hasNextPage").Text() != "true" {
		return "", nil
	}
	next := info.Get("endCursor").Text()
	if next == "" {
		return "", unreadable()
	}
	return next, nil
}
