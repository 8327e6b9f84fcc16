package shopify

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// What an order is charged for at most in queries.orders, and how many pages and attempts one order is worth.
const (
	orderCost   = 93
	maxPages    = 1000
	maxRestarts = 3
)

// Fetch reads whole orders by their ids. Orders whose lists do not fit into one page are read on, and read again when they
// changed meanwhile. What is null is Missing: deleted, another shop's, or older than the app may see.
func (dr *Driver) Fetch(ctx context.Context, c driver.Caller, ids []hub.ExternalID) (driver.Fetched, error) {
	var out driver.Fetched
	if len(ids) == 0 {
		return out, nil
	}
	if len(ids) > ordersAtOnce {
		return out, &hub.Error{Kind: hub.KindInvalid, Op: "fetching shopify orders: too many at once"}
	}
	gids := make([]string, len(ids))
	for i, id := range ids {
		if checkID(string(id)) != "" {
			return out, &hub.Error{Kind: hub.KindInvalid, Code: hub.CodeOutOfRange, Op: "fetching shopify orders"}
		}
		gids[i] = gid("Order", id)
	}
	nodes, err := askOrders(ctx, c, gids)
	if err != nil {
		return out, err
	}
	for _, id := range ids {
		i := slices.IndexFunc(nodes, func(v strictjson.Value) bool { return v.Get("id").Text() == gid("Order", id) })
		if i < 0 {
			out.Missing = append(out.Missing, id)
			continue
		}
		document, err := whole(ctx, c, nodes[i])
		if err != nil {
			return driver.Fetched{}, err
		}
		if document == nil {
			out.Missing = append(out.Missing, id) // deleted while it was read
			continue
		}
		out.Documents = append(out.Documents, document)
	}
	return out, nil
}

// askOrders reads the first pages of orders. There must be an answer to each id, if only null.
func askOrders(ctx context.Context, c driver.Caller, gids []string) (nodes []strictjson.Value, err error) {
	data, _, err := ask(ctx, c, question{
		name: "orders", class: driver.ClassOrders, query: queries.orders, variables: map[string]any{"ids": gids}, cost: orderCost * len(gids),
	})
	if err != nil {
		return nil, err
	}
	list := data.Get("nodes")
	if list.Kind() != strictjson.Array || list.Len() != len(gids) {
		return nil, unreadable()
	}
	for v := range list.Items() {
		if v.Kind() == strictjson.Object && v.Get("id").Given() {
			nodes = append(nodes, v)
		} else if v.Given() && v.Get("id").Kind() != strictjson.Absent {
			return nil, unreadable()
		}
	}
	return nodes, nil
}

// whole makes a document of an order, reading on where its lists have more pages; nil when it is gone meanwhile.
func whole(ctx context.Context, c driver.Caller, order strictjson.Value) ([]byte, error) {
	for range maxRestarts {
		parts, err := openLists(order)
		if err != nil {
			return nil, err
		}
		if len(parts) == 0 {
			return bytes.Clone(order.Raw()), nil
		}
		for i := range parts {
			if err := parts[i].readOn(ctx, c); err != nil {
				return nil, err
			}
		}
		now, err := askOrders(ctx, c, []string{order.Get("id").Text()})
		if err != nil || len(now) == 0 {
			return nil, err
		}
		if unchanged(order, now[0]) {
			return joined(order, parts)
		}
		order = now[0]
	}
	return nil, &hub.Error{Kind: hub.KindUnavailable, Code: driver.CodeUnreadable, Op: "reading a shopify order that keeps changing"}
}

// unchanged reports whether two readings of an order agree in all but cursors. The time of its last change alone does not
// tell: it has whole seconds.
func unchanged(a, b strictjson.Value) bool {
	for name, was := range a.Members() {
		is := b.Get(name)
		switch {
		case name == "refunds":
			if was.Len() != is.Len() {
				return false
			}
		case was.Get("pageInfo").Given():
			if !bytes.Equal(was.Get("nodes").Raw(), is.Get("nodes").Raw()) {
				return false
			}
		case !bytes.Equal(was.Raw(), is.Raw()):
			return false
		}
	}
	return true
}

// openList is a connection of an order that has more pages.
type openList struct {
	owner, query, field string
	refund              int // which of the refunds it is in; -1: the order itself
	next                string
	nodes               []json.RawMessage
	seen                map[string]bool // ids of nodes, for pages that repeat
}

// openLists finds the connections that are not at their end.
func openLists(order strictjson.Value) (list []openList, err error) {
	look := func(on string, v strictjson.Value, refund int) {
		for _, f := range follow {
			connection := v.Get(f.field)
			if f.on != on || err != nil {
				continue
			}
			l := openList{owner: v.Get("id").Text(), query: f.query, field: f.field, refund: refund, seen: map[string]bool{}}
			if l.next, err = nextPage(connection); err == nil && l.next != "" {
				l.add(connection)
				list = append(list, l)
			}
		}
	}
	look("Order", order, -1)
	at := 0
	for refund := range order.Get("refunds").Items() {
		look("Refund", refund, at)
		at++
	}
	return list, err
}

// add keeps the nodes of a page, but none twice.
func (l *openList) add(connection strictjson.Value) {
	for node := range connection.Get("nodes").Items() {
		id := node.Get("id").Text()
		if id != "" && l.seen[id] {
			continue
		}
		l.seen[id] = true
		l.nodes = append(l.nodes, bytes.Clone(node.Raw()))
	}
}

// readOn reads the remaining pages.
func (l *openList) readOn(ctx context.Context, c driver.Caller) error {
	for range maxPages {
		data, _, err := ask(ctx, c, question{
			name: "order_page", class: driver.ClassOrders, query: l.query, variables: map[string]any{"id": l.owner, "after": l.next},
			cost: 6 * linesAtOnce,
		})
		if err != nil {
			return err
		}
		connection := data.Get("node").Get(l.field)
		before := l.next
		if l.next, err = nextPage(connection); err != nil {
			return err
		}
		l.add(connection)
		if l.next == "" {
			return nil
		}
		if l.next == before {
			break
		}
	}
	return unreadable()
}

// joined writes the order with its lists whole.
func joined(order strictjson.Value, parts []openList) ([]byte, error) {
	var document map[string]json.RawMessage
	var refunds []map[string]json.RawMessage
	if json.Unmarshal(order.Raw(), &document) != nil || json.Unmarshal(document["refunds"], &refunds) != nil {
		return nil, unreadable()
	}
	for _, l := range parts {
		connection, err := json.Marshal(map[string]any{"nodes": l.nodes, "pageInfo": map[string]bool{"hasNextPage": false}})
		if err != nil {
			return nil, unreadable()
		}
		if l.refund < 0 {
			document[l.field] = connection
		} else {
			refunds[l.refund][l.field] = connection
		}
	}
	var err error
	if refunds != nil {
		if document["refunds"], err = json.Marshal(refunds); err != nil {
			return nil, unreadable()
		}
	}
	text, err := json.Marshal(document)
	if err != nil {
		return nil, unreadable()
	}
	return text, nil
}
