package mercadolibre

import "strings"

// meaning is what a topic may bring, as the kind of the resource that its notifications name.
type meaning struct {
	kind  string   // of the hint
	paths []string // in front of the id
}

// about are the topics that concern orders. Each change of an order fires orders_v2; the others may tell of something that
// the order does not show, and lead to it (Orders). Resources come with and without the slash in front, and with prefixes that
// changed over the years.
var about = map[string]meaning{
	"orders_v2":                  {"order", []string{"orders/", "marketplace/orders/"}},
	"marketplace_orders":         {"order", []string{"marketplace/orders/", "orders/"}},
	"marketplace_orders_on_site": {"order", []string{"marketplace/orders/", "orders/"}},
	"shipments":                  {"shipment", []string{"shipments/", "marketplace/shipments/"}},
	"marketplace_shipments":      {"shipment", []string{"marketplace/shipments/", "shipments/"}},
	"payments":                   {"payment", []string{"collections/", "payments/", "v1/payments/"}},
	"post_purchase":              {"claim", claimPaths},
	"claims":                     {"claim", claimPaths},
	"claims_actions":             {"claim", claimPaths},
	"marketplace_claims":         {"claim", append([]string{"marketplace/claims/"}, claimPaths...)},
}

var claimPaths = []string{"post-purchase/v1/claims/", "post-purchase/v2/claims/", "v1/claims/", "claims/"}

// unrelated are the documented topics that say nothing about orders.
var unrelated = map[string]bool{
	"orders_feedback": true, "items": true, "items_prices": true, "stock-location": true,
	"user-products-families": true, "questions": true, "messages": true, "fbm_stock_operations": true,
	"flex-handshakes": true, "invoices": true, "price_suggestion": true, "catalog_item_competition_status": true,
	"catalog_suggestions": true, "public_offers": true, "public_candidates": true, "leads-credits": true,
	"vis_leads": true, "quotations": true, "marketplace_items": true, "marketplace_questions": true,
	"marketplace_messages": true, "marketplace_fbm_stock": true, "marketplace_item_competition": true,
	"marketplace_cbt_item_uptin": true,
}

// Why a notification is ignored. A stranger can send any of them, so none is parked for people to look at.
const (
	ignoredTopic    = "the topic says nothing about orders"
	ignoredUnknown  = "the topic is not a documented one"
	ignoredResource = "the resource is not of the form that its topic has"
)

// resourceID takes the id out of a resource, "" when the resource has another form. Nothing else of it is ever used.
func (m meaning) resourceID(resource string) string {
	resource = strings.TrimPrefix(resource, "/")
	for _, path := range m.paths {
		if id, ok := strings.CutPrefix(resource, path); ok && len(id) <= maxID && isID(id) {
			return id
		}
	}
	return ""
}
