package shopify

import (
	"slices"
	"strings"
)

// typeScopes are the scopes that objects of a type need, wherever they are, of which one is enough. That the API refuses the
// field and answers the rest is what callers report; that it does not where there is no such object is (U).
var typeScopes = map[string][]string{
	"Customer": {"read_customers"}, "Product": {"read_products"}, "ProductVariant": {"read_products"},
	"Location": {"read_locations", "read_inventory", "read_markets_home"},
}

// protectedTypes are those whose members may be protected customer data.
var protectedTypes = [...]string{"Order", "Customer", "MailingAddress"}

// protectedDocs is where the refusals point to.
const protectedDocs = "https://shopify.dev/docs/apps/launch/protected-customer-data"

// fail notes a refusal where we are.
func (c *call) fail(s *selection, e *gqlError) {
	e.Locations, e.Path = []place{s.at}, slices.Clone(c.path)
	c.errors = append(c.errors, *e)
}

// member completes a member of an object; shown is false for one that is refused, and null.
func (c *call) member(s *selection, on string, v object) (m any, shown bool) {
	c.path = append(c.path, s.key())
	defer func() { c.path = c.path[:len(c.path)-1] }()
	f := c.checker.schema.types[on].fields[s.name]
	if e := c.refusal(s.name, on, f, v[s.name]); e != nil {
		c.fail(s, e)
		return nil, false
	}
	return c.complete(s, f, v[s.name]), true
}

// refusal says why a member is not shown; nil when it is.
func (c *call) refusal(name, on string, f *fieldDef, v any) *gqlError {
	needed := typeScopes[f.of.objectName()]
	switch {
	case name == "customer" && c.hidden[name]:
		return unapproved("access the Customer object")
	case slices.Contains(protectedTypes[:], on) && c.hidden[name], on == "MailingAddress" && c.hidden["address."+name]:
		return unapproved("use the " + name + " field")
	case needed == nil || v == nil || slices.ContainsFunc(needed, c.install.may):
		return nil
	}
	return denied(name, strings.Join(needed, "` access scope or `"))
}

// unapproved is the refusal of protected customer data.
func unapproved(what string) *gqlError {
	return &gqlError{
		Message:    "This app is not approved to " + what + ". See " + protectedDocs + " for more details.",
		Extensions: map[string]any{"code": "ACCESS_DENIED", "documentation": protectedDocs},
	}
}

// mayRead says whether orders may be read at all.
func (c *call) mayRead(field string) *gqlError {
	switch {
	case !c.install.may("read_orders"):
		return denied(field, "read_orders")
	case !c.install.app.spec.Customers:
		return unapproved("access the Order object")
	}
	return nil
}
