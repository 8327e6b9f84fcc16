package httpapi

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"hub"
	"hub/internal/tenancy"
)

// Money is how an amount looks in JSON; hub.Money prints itself like this.
type Money struct {
	Amount   string `json:"amount" pattern:"^-?[0-9]+(\\.[0-9]+)?$" doc:"A decimal with exactly the digits that ISO 4217 gives the currency" example:"1234.50"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217" example:"BRL"`
}

// orderDocument is an order as the shard keeps it, passed on byte for byte.
type orderDocument json.RawMessage

// MarshalJSON prints the document itself.
func (d orderDocument) MarshalJSON() ([]byte, error) { return d.appendJSON(nil), nil }

func (d orderDocument) appendJSON(b []byte) []byte {
	if len(d) == 0 {
		return append(b, "null"...)
	}
	return append(b, d...)
}

// Schema is the one of hub.Order, which the document was printed from.
func (orderDocument) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[hub.Order](), true, "Order")
}

// The closed sets of the vocabulary, for the description of the API.
type (
	platform          string
	orderStatus       string
	paymentStatus     string
	fulfillmentStatus string
	basis             string
	changeType        string
	currency          string
)

// Schema lists the platforms.
func (platform) Schema(huma.Registry) *huma.Schema {
	return closed(hub.Shopify, hub.Shopee, hub.MercadoLibre)
}

// Schema lists the statuses of an order.
func (orderStatus) Schema(huma.Registry) *huma.Schema {
	return closed(hub.StatusOpen, hub.StatusCompleted, hub.StatusCancelled)
}

// Schema lists the statuses of the money.
func (paymentStatus) Schema(huma.Registry) *huma.Schema {
	return closed(hub.PaymentPending, hub.PaymentAuthorized, hub.PaymentPartiallyPaid, hub.PaymentPaid,
		hub.PaymentPartiallyRefunded, hub.PaymentRefunded, hub.PaymentVoided, hub.PaymentExpired)
}

// Schema lists the statuses of the goods.
func (fulfillmentStatus) Schema(huma.Registry) *huma.Schema {
	return closed(hub.FulfillmentNotRequired, hub.Unfulfilled, hub.PartiallyFulfilled, hub.Fulfilled, hub.Delivered, hub.Returned)
}

// Schema lists where a grand total can come from.
func (basis) Schema(huma.Registry) *huma.Schema {
	return closed(hub.BasisPlatform, hub.BasisComputed, hub.BasisPartial)
}

// Schema lists the types of changes.
func (changeType) Schema(huma.Registry) *huma.Schema {
	return closed(hub.OrderCreated, hub.OrderUpdated, hub.OrderCancelled, hub.OrderRefunded, hub.OrderDeleted)
}

// Schema is the form of a currency code.
func (currency) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[A-Z]{3}$", Description: "ISO 4217"}
}

// roleSchema is the closed set of roles.
type roleSchema string

// Schema lists the roles.
func (roleSchema) Schema(huma.Registry) *huma.Schema {
	return closed(tenancy.RoleERP, tenancy.RoleMerchant, tenancy.RoleCompliance, tenancy.RoleAuditor, tenancy.RoleOperator)
}

func closed[S ~string](values ...S) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

// aliasVocabulary teaches the registry how the types of package hub look in JSON.
func aliasVocabulary(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[hub.Money](), reflect.TypeFor[Money]())
	r.RegisterTypeAlias(reflect.TypeFor[hub.Platform](), reflect.TypeFor[platform]())
	r.RegisterTypeAlias(reflect.TypeFor[hub.OrderStatus](), reflect.TypeFor[orderStatus]())
	r.RegisterTypeAlias(reflect.TypeFor[hub.PaymentStatus](), reflect.TypeFor[paymentStatus]())
	r.RegisterTypeAlias(reflect.TypeFor[hub.FulfillmentStatus](), reflect.TypeFor[fulfillmentStatus]())
	r.RegisterTypeAlias(reflect.TypeFor[hub.Basis](), reflect.TypeFor[basis]())
	r.RegisterTypeAlias(reflect.TypeFor[hub.ChangeType](), reflect.TypeFor[changeType]())
	r.RegisterTypeAlias(reflect.TypeFor[hub.Currency](), reflect.TypeFor[currency]())
	r.RegisterTypeAlias(reflect.TypeFor[tenancy.Role](), reflect.TypeFor[roleSchema]())
}
