package shopify

import "strings"

// meaning is what a topic may bring. The topic is a header, which Shopify does not sign: it says what we expect, and the
// body decides what happens.
type meaning uint8

const (
	unknown    meaning = iota // a topic that is not in Shopify's list as we know it
	full                      // the body is the order
	deletion                  // the body is the id of an order that is gone
	reference                 // the body names an order that something happened to
	permission                // the connection itself may be over
	unrelated                 // nothing in the order model depends on it
	unhandled                 // we must act on it and cannot yet
)

// topics are the ones with a meaning of their own.
var topics = map[string]meaning{
	"orders/create":              full,
	"orders/updated":             full,
	"orders/paid":                full,
	"orders/cancelled":           full,
	"orders/fulfilled":           full,
	"orders/partially_fulfilled": full,
	"orders/delete":              deletion,
	"orders/edited":              reference,
	"refunds/create":             reference,
	"order_transactions/create":  reference,
	"tender_transactions/create": reference,
	"fulfillments/create":        reference,
	"fulfillments/update":        reference,
	"customers/data_request":     unhandled,
	"customers/redact":           unhandled,
	"shop/redact":                unhandled,
	"app/uninstalled":            permission,
	"app/scopes_update":          unrelated,
	"shop/update":                unrelated,
	// Risk, protection and links of an order are not in the order model.
	"orders/risk_assessment_changed":             unrelated,
	"orders/shopify_protect_eligibility_changed": unrelated,
	"orders/link_requested":                      unrelated,
	"customers/create":                           unrelated,
	"customers/update":                           unrelated,
	"customers/delete":                           unrelated,
	"customers/enable":                           unrelated,
	"customers/disable":                          unrelated,
	"customers/merge":                            unrelated,
	"customers/purchasing_summary":               unrelated,
}

// families are the resources whose remaining topics all mean the same. Orders, customers, shop and app are not among
// them: a new topic there may be one that must not be ignored.
var families = map[string]meaning{
	"returns":  reference,
	"disputes": unrelated, "draft_orders": unrelated, "fulfillment_orders": unrelated,
	"fulfillment_events": unrelated, "fulfillment_holds": unrelated, "products": unrelated, "product_feeds": unrelated,
	"product_listings": unrelated, "variants": unrelated, "collections": unrelated, "collection_listings": unrelated,
	"collection_publications": unrelated, "inventory_items": unrelated, "inventory_levels": unrelated,
	"carts": unrelated, "checkouts": unrelated, "customer": unrelated,
	"customer_account_settings": unrelated, "customer_groups": unrelated, "customer_payment_methods": unrelated,
	"customers_email_marketing_consent": unrelated, "customers_marketing_consent": unrelated, "companies": unrelated,
	"company_contacts": unrelated, "company_locations": unrelated, "company_contact_roles": unrelated,
	"discounts": unrelated, "segments": unrelated, "themes": unrelated, "locales": unrelated, "locations": unrelated,
	"markets": unrelated, "domains": unrelated, "app_subscriptions": unrelated,
	"app_purchases_one_time": unrelated, "bulk_operations": unrelated, "metaobjects": unrelated, "profiles": unrelated,
	"selling_plan_groups": unrelated, "subscription_contracts": unrelated,
	"subscription_billing_attempts": unrelated, "subscription_billing_cycles": unrelated,
	"subscription_billing_cycle_edits": unrelated, "scheduled_product_listings": unrelated,
	"tax_services": unrelated, "tax_partners": unrelated, "tax_summaries": unrelated, "audit_events": unrelated,
	"payment_schedules": unrelated, "payment_terms": unrelated, "reverse_deliveries": unrelated,
	"reverse_fulfillment_orders": unrelated, "channels": unrelated, "delivery_promise_settings": unrelated,
	"finance_app_staff_member": unrelated, "finance_kyc_information": unrelated, "publications": unrelated,
}

// meaningOf looks a topic up.
func meaningOf(topic string) meaning {
	if m, ok := topics[topic]; ok {
		return m
	}
	family, action, ok := strings.Cut(topic, "/")
	if !ok || action == "" {
		return unknown
	}
	return families[family]
}
