package shopify

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// decode reads JSON with its numbers as they are written.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

func queries() map[string]resolver {
	return map[string]resolver{
		"order": (*call).order, "orders": (*call).orders, "shop": (*call).shop, "currentAppInstallation": (*call).installation,
		"node": (*call).node, "nodes": (*call).nodes, "bulkOperation": (*call).bulkOperation,
		"currentBulkOperation": (*call).currentBulkOperation, "webhookSubscription": (*call).subscription, "webhookSubscriptions": (*call).subscriptions,
	}
}

func mutations() map[string]resolver {
	return map[string]resolver{
		"bulkOperationRunQuery": (*call).runBulk, "bulkOperationCancel": (*call).cancelBulk, "appUninstall": (*call).uninstall,
		"webhookSubscriptionCreate": (*call).createSubscription, "webhookSubscriptionDelete": (*call).deleteSubscription,
	}
}

// denied is the error for a scope that was not granted.
func denied(field, scope string) *gqlError {
	return &gqlError{
		Message: "Access denied for " + field + " field. Required access: `" + scope + "` access scope.",
		Extensions: map[string]any{
			"code": "ACCESS_DENIED", "documentation": "https://shopify.dev/api/usage/access-scopes",
			"requiredAccess": "`" + scope + "` access scope.",
		},
	}
}

// number reads an id of a kind; ok is false for another kind's, which is an error, not a null.
func number(id, kind string) (n int64, ok bool) {
	text, ok := strings.CutPrefix(id, "gid://shopify/"+kind+"/")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func invalidID(id string) *gqlError {
	return &gqlError{Message: "Invalid global id '" + id + "'", Extensions: map[string]any{"code": "argumentLiteralsIncompatible",
		"typeName": "CoercionError"}}
}

func (c *call) shop(map[string]any) (any, *gqlError) {
	s := c.install.store
	return object{
		"id": gid("Shop", s.id), "name": s.name, "myshopifyDomain": s.Domain, "currencyCode": s.Currency, "email": "owner@example.com",
		"ianaTimezone": "Etc/UTC", "url": "https://" + s.Domain, "createdAt": utc(s.opened),
		"plan": object{"publicDisplayName": "Basic", "partnerDevelopment": false, "shopifyPlus": false},
	}, nil
}

func (c *call) installation(map[string]any) (any, *gqlError) {
	list := []object{}
	for _, scope := range c.install.scopes {
		list = append(list, object{"handle": scope})
	}
	return object{"accessScopes": list}, nil
}

func (s *Subscription) graph() object {
	return object{
		"id": gid("WebhookSubscription", s.ID), "legacyResourceId": strconv.FormatInt(s.ID, 10), "topic": enumOf(s.Topic), "uri": s.URI,
		"format":    "JSON",
		"createdAt": utc(s.Created), "updatedAt": utc(s.Created), "apiVersion": object{"handle": s.Version},
		"endpoint": object{"__typename": "WebhookHttpEndpoint", "callbackUrl": s.URI},
	}
}

// subscriptions lists what this app made through the API in this shop; app-level ones are not among them.
func (c *call) subscriptions(args map[string]any) (any, *gqlError) {
	wanted, filtered := args["topics"].([]any)
	all := connection{}
	for _, s := range c.install.subs {
		if uri, ok := args["uri"].(string); ok && uri != s.URI || filtered && !slices.Contains(wanted, any(enumOf(s.Topic))) {
			continue
		}
		all = append(all, s.graph())
	}
	return all, nil
}

func (c *call) subscription(args map[string]any) (any, *gqlError) {
	id, ok := number(args["id"].(string), "WebhookSubscription")
	if !ok {
		return nil, invalidID(args["id"].(string))
	}
	for _, s := range c.install.subs {
		if s.ID == id {
			return s.graph(), nil
		}
	}
	return nil, nil
}

func (c *call) createSubscription(args map[string]any) (any, *gqlError) {
	input := args["webhookSubscription"].(map[string]any)
	uri, _ := input["uri"].(string)
	if input["format"] == "XML" {
		return refusedInput("format", "XML is not served by this sandbox"), nil
	}
	s, problem := c.platform.subscribe(c.install, topicOf(args["topic"].(string)), uri, c.version)
	if problem != "" {
		return refusedInput("callbackUrl", problem), nil
	}
	return object{"webhookSubscription": s.graph(), "userErrors": []object{}}, nil
}

func refusedInput(field, text string) object {
	return object{"webhookSubscription": nil, "userErrors": []object{{"field": []string{"webhookSubscription", field}, "message": text}}}
}

func (c *call) deleteSubscription(args map[string]any) (any, *gqlError) {
	id, ok := number(args["id"].(string), "WebhookSubscription")
	if !ok {
		return nil, invalidID(args["id"].(string))
	}
	if !c.install.unsubscribe(id) {
		return object{
			"deletedWebhookSubscriptionId": nil,
			"userErrors":                   []object{{"field": []string{"id"}, "message": "Webhook subscription does not exist"}},
		}, nil
	}
	return object{"deletedWebhookSubscriptionId": args["id"], "userErrors": []object{}}, nil
}
