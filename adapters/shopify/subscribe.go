package shopify

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"hub"
	"hub/adapters/driver"
	"hub/adapters/driver/strictjson"
)

// hookTopics are what the hub wants to hear of a shop, on the connection's own address: order bodies do not name the shop,
// so no other address can take them. orders/updated comes with nearly every change; the others come when it does not (U).
var hookTopics = []string{
	"orders/create", "orders/updated", "orders/paid", "orders/cancelled", "orders/edited", "orders/delete", "refunds/create",
	"app/uninstalled",
}

// subscription is one that exists.
type subscription struct{ id, topic, uri, format, version string }

// Subscriptions makes what is missing and replaces what is wrong: another format, or a version of the API that is not ours,
// which decides about the bodies. Subscriptions of our topics on other addresses of the same host are former ones of this
// shop and are removed; those on other hosts may be another hub's and stay.
func (*Driver) Subscriptions(ctx context.Context, c driver.Caller, _ driver.App, _, hookURL string) (list []driver.Repair, err error) {
	existing, err := subscriptions(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, topic := range hookTopics {
		word := strings.ToUpper(strings.ReplaceAll(topic, "/", "_"))
		there, code := false, "subscription_missing"
		for _, s := range existing {
			switch {
			case s.topic != word || s.uri != hookURL && !sameHost(s.uri, hookURL):
				continue
			case s.uri == hookURL && s.format == "JSON" && s.version == apiVersion:
				there = true
				continue
			case s.uri == hookURL:
				code = "subscription_wrong"
			}
			repair := driver.Repair{Code: "subscription_stale", Detail: topic, Hint: "An old subscription was removed.", Mended: true}
			if err := unsubscribe(ctx, c, s.id); err != nil {
				return list, err
			}
			if s.uri != hookURL {
				list = append(list, repair)
			}
		}
		if there {
			continue
		}
		repair, err := subscribe(ctx, c, topic, word, hookURL, code)
		if err != nil {
			return list, err
		}
		list = append(list, repair)
	}
	return list, nil
}

func sameHost(a, b string) bool {
	one, err := url.Parse(a)
	other, failed := url.Parse(b)
	return err == nil && failed == nil && one.Host != "" && strings.EqualFold(one.Host, other.Host)
}

// subscriptions lists those that the app made in this shop.
func subscriptions(ctx context.Context, c driver.Caller) (list []subscription, err error) {
	variables := map[string]any{}
	for range maxPages {
		data, _, err := ask(ctx, c, question{name: "subscriptions", class: driver.ClassAdmin, query: queries.subscriptions, variables: variables, cost: 100})
		if err != nil {
			return nil, err
		}
		connection := data.Get("webhookSubscriptions")
		for v := range connection.Get("nodes").Items() {
			list = append(list, subscription{
				v.Get("id").Text(), v.Get("topic").Text(), v.Get("uri").Text(), v.Get("format").Text(), v.Get("apiVersion").Get("handle").Text(),
			})
		}
		next, err := nextPage(connection)
		if err != nil || next == "" {
			return list, err
		}
		if next == variables["after"] {
			break
		}
		variables["after"] = next
	}
	return nil, unreadable()
}

// subscribe makes one. What the platform refuses is for people. It may be repeated: the second one is refused as taken.
func subscribe(ctx context.Context, c driver.Caller, topic, word, hookURL, code string) (driver.Repair, error) {
	repair := driver.Repair{Code: code, Detail: topic, Hint: "The subscription was made.", Mended: true}
	data, _, err := ask(ctx, c, question{
		name: "subscribe", class: driver.ClassAdmin, query: queries.subscribe, cost: 10, variables: map[string]any{"topic": word, "uri": hookURL},
	})
	if err != nil {
		return repair, err
	}
	made := data.Get("webhookSubscriptionCreate")
	taken := slices.ContainsFunc(messages(made), func(text string) bool { return strings.Contains(text, "already been taken") })
	if made.Get("webhookSubscription").Kind() != strictjson.Object && !taken {
		repair.Mended = false
		repair.Hint = "Shopify refuses the subscription: check the app's scopes and its approval for protected customer data, and that the hub's public address is https and not internal."
	}
	return repair, nil
}

// messages are the platform's words about what is wrong with an input of ours. They decide, and are not shown.
func messages(payload strictjson.Value) (list []string) {
	for e := range payload.Get("userErrors").Items() {
		list = append(list, e.Get("message").Text())
	}
	return list
}

// unsubscribe removes one; one that is gone already is as good.
func unsubscribe(ctx context.Context, c driver.Caller, id string) error {
	_, _, err := ask(ctx, c, question{
		name: "unsubscribe", class: driver.ClassAdmin, query: queries.unsubscribe, cost: 10, variables: map[string]any{"id": id},
	})
	if hub.KindOf(err) == hub.KindNotFound && err != nil {
		return nil
	}
	return err
}
