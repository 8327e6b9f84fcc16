package shopify

import (
	"slices"
	"strings"
)

// topics are those that this platform can tell of, with the scope that subscribing needs. The GraphQL name of orders/create
// is ORDERS_CREATE. Privacy topics are not among them: they have no GraphQL name and exist at app level only.
var topics = [...]struct{ name, scope string }{
	{"orders/create", "read_orders"},
	{"orders/updated", "read_orders"},
	{"orders/paid", "read_orders"},
	{"orders/cancelled", "read_orders"},
	{"orders/fulfilled", "read_orders"},
	{"orders/partially_fulfilled", "read_orders"},
	{"orders/edited", "read_orders"},
	{"orders/delete", "read_orders"},
	{"refunds/create", "read_orders"},
	{"order_transactions/create", "read_orders"},
	{"fulfillments/create", "read_fulfillments"},
	{"bulk_operations/finish", ""},
	{"app/uninstalled", ""},
	{"shop/update", ""},
}

// enumOf is the GraphQL name of a topic.
func enumOf(topic string) string { return strings.ToUpper(strings.ReplaceAll(topic, "/", "_")) }

// topicOf is the topic of a GraphQL name, "" when there is none.
func topicOf(enum string) string {
	i := slices.IndexFunc(topics[:], func(t struct{ name, scope string }) bool { return enumOf(t.name) == enum })
	if i < 0 {
		return ""
	}
	return topics[i].name
}

// mayHear says whether the scopes of an installation cover a topic. Fulfilments may be seen with read_orders too (U).
func (i *install) mayHear(topic string) bool {
	for _, t := range topics {
		if t.name == topic {
			return t.scope == "" || i.may(t.scope) || t.scope == "read_fulfillments" && i.may("read_orders")
		}
	}
	return false
}

// protected says whether a topic tells of buyers: all do that tell of orders.
func protected(topic string) bool {
	return slices.ContainsFunc(topics[:], func(t struct{ name, scope string }) bool { return t.name == topic && t.scope != "" })
}

// Topics lists what can be subscribed to, as X-Shopify-Topic spells it.
func Topics() (names []string) {
	for _, t := range topics {
		names = append(names, t.name)
	}
	return names
}

// FaultNames lists the faults that can be set.
func FaultNames() []Fault { return slices.Clone(allFaults[:]) }
