package shopify

import "slices"

// Protected customer data (shopify.dev, protected customer data): without the approval the platform sends null in webhooks,
// and in the API null with an error that says so. Which member of an address belongs to which field is (U): country and
// province stay.

// hides lists the members that an app must not see. With all approvals there is none.
func (a *App) hides() map[string]bool {
	hidden := map[string]bool{}
	for field, names := range map[string][]string{
		"name":  {"first_name", "last_name", "firstName", "lastName", "displayName", "company"},
		"phone": {"phone"},
		"email": {"email", "contact_email"},
		"address": {
			"address1", "address2", "city", "zip", "latitude", "longitude",
		},
	} {
		if a.spec.Customers && slices.Contains(a.spec.Fields, field) {
			continue
		}
		for _, name := range names {
			hidden[name] = true
		}
		if field == "name" {
			hidden["address.name"] = true
		}
	}
	if !a.spec.Customers {
		hidden["customer"] = true
	}
	return hidden
}

// without returns a copy of a resource, or of the same in GraphQL, in which what is hidden is null. A member called name is
// a person's in addresses only.
func without(hidden map[string]bool, v any, address bool) any {
	if len(hidden) == 0 {
		return v
	}
	switch v := v.(type) {
	case object:
		made := make(object, len(v))
		for name, value := range v {
			switch {
			case hidden[name], address && name == "name" && hidden["address.name"]:
				made[name] = nil
			case name == "fulfillments", name == "line_items", name == "lineItems":
				made[name] = value
			default:
				made[name] = without(hidden, value, isAddress(name))
			}
		}
		return made
	case connection:
		return connection(without(hidden, []object(v), address).([]object))
	case []object:
		made := make([]object, len(v))
		for i := range v {
			made[i] = without(hidden, v[i], address).(object)
		}
		return made
	}
	return v
}

func isAddress(name string) bool {
	return slices.Contains([]string{"billing_address", "shipping_address", "billingAddress", "shippingAddress"}, name)
}
