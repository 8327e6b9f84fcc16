package hub

import "time"

// Order is one order as every platform's is told: the business record and, when it is not masked, the buyer. JSON names
// are those of the API. Absent is nil or "", never zero. Each field's class says how personal it is.
type Order struct {
	ID              OrderID           `json:"id,omitempty" class:"P3"`
	TenantID        TenantID          `json:"tenant_id,omitempty" class:"P3"`
	ConnectionID    ConnectionID      `json:"connection_id,omitempty" class:"P3"`
	Platform        Platform          `json:"platform,omitempty" class:"P3"`
	Channel         string            `json:"channel,omitempty" class:"P3"` // where inside the platform it was placed: web, pos, …
	ExternalID      ExternalID        `json:"external_id,omitempty" class:"P3"`
	Number          string            `json:"number,omitempty" class:"P3"` // what the merchant and the buyer call it: "#1001"
	Revision        int64             `json:"revision,omitempty" class:"P3"`
	SourceUpdatedAt time.Time         `json:"source_updated_at,omitzero" class:"P3"` // the platform's own version
	PlacedAt        time.Time         `json:"placed_at,omitzero" class:"P3"`
	PlacedAtLocal   string            `json:"placed_at_local,omitempty" class:"P3"` // RFC 3339 with the platform's offset
	DeletedAt       time.Time         `json:"deleted_at,omitzero" class:"P3"`
	Test            bool              `json:"test" class:"P3"`
	Status          OrderStatus       `json:"status,omitempty" class:"P3"`
	PaymentStatus   PaymentStatus     `json:"payment_status,omitempty" class:"P3"`
	Fulfillment     FulfillmentStatus `json:"fulfillment_status,omitempty" class:"P3"`
	PlatformStatus  string            `json:"platform_status,omitempty" class:"P3"` // the platform's words that our statuses do not know
	CancelReason    string            `json:"cancel_reason_code,omitempty" class:"P3"`
	HoldReason      string            `json:"hold_reason,omitempty" class:"P3"`
	COD             bool              `json:"cod" class:"P3"` // cash on delivery
	ShipBy          time.Time         `json:"ship_by,omitzero" class:"P3"`
	FulfilledBy     string            `json:"fulfilled_by,omitempty" class:"P3"` // seller or platform
	LocationID      string            `json:"location_id,omitempty" class:"P3"`
	PackID          string            `json:"pack_id,omitempty" class:"P3"`
	Currency        Currency          `json:"currency,omitempty" class:"P3"`
	TaxIncluded     bool              `json:"tax_included" class:"P3"`
	DutiesIncluded  bool              `json:"duties_included" class:"P3"`
	Totals          Totals            `json:"totals,omitzero" class:"P3"`
	Presentment     *Presentment      `json:"presentment,omitempty" class:"P3"` // what the buyer saw, when it was another currency
	Settlement      *Settlement       `json:"settlement,omitempty" class:"P3"`  // what the seller gets, where the platform says
	Lines           []Line            `json:"lines,omitempty" class:"P3"`
	ShippingLines   []ShippingLine    `json:"shipping_lines,omitempty" class:"P3"`
	Discounts       []Discount        `json:"discounts,omitempty" class:"P3"`
	Refunds         []Refund          `json:"refunds,omitempty" class:"P3"`
	Payments        []Payment         `json:"payments,omitempty" class:"P3"`
	Fulfillments    []Fulfillment     `json:"fulfillments,omitempty" class:"P3"`
	Buyer           *Buyer            `json:"buyer,omitempty" class:"P1"`
	Source          Source            `json:"source,omitzero" class:"P3"`
}

// Totals are the sums of an order in one currency. Check holds the identity between them.
type Totals struct {
	Items            *Money `json:"items,omitempty" class:"P3"`             // Σ lines.subtotal, before discounts
	Discount         *Money `json:"discount,omitempty" class:"P3"`          // taken off, positive
	DiscountPlatform *Money `json:"discount_platform,omitempty" class:"P3"` // the part of discount that the platform pays
	Shipping         *Money `json:"shipping,omitempty" class:"P3"`          // before its discount
	Tax              *Money `json:"tax,omitempty" class:"P3"`
	Duties           *Money `json:"duties,omitempty" class:"P3"`
	Tip              *Money `json:"tip,omitempty" class:"P3"`
	Fees             *Money `json:"fees,omitempty" class:"P3"`          // fees that the buyer pays
	Adjustment       *Money `json:"adjustment,omitempty" class:"P3"`    // what the platform's own parts fail to explain
	GrandTotal       *Money `json:"grand_total,omitempty" class:"P3"`   // as sold
	CurrentTotal     *Money `json:"current_total,omitempty" class:"P3"` // owed after edits and refunds: what an ERP books
	Outstanding      *Money `json:"outstanding,omitempty" class:"P3"`
	Refunded         *Money `json:"refunded,omitempty" class:"P3"`
	CashRounding     *Money `json:"cash_rounding,omitempty" class:"P3"`
	Basis            Basis  `json:"basis,omitempty" class:"P3"`
}

// Presentment is the order in the buyer's currency.
type Presentment struct {
	Currency Currency `json:"currency" class:"P3"`
	Totals   Totals   `json:"totals" class:"P3"`
}

// Settlement is what the platform keeps from and pays to the seller. It is never part of the buyer's total.
type Settlement struct {
	Commission     *Money `json:"commission,omitempty" class:"P3"`
	ServiceFee     *Money `json:"service_fee,omitempty" class:"P3"`
	PaymentFee     *Money `json:"payment_fee,omitempty" class:"P3"`
	SellerShipping *Money `json:"seller_shipping,omitempty" class:"P3"`
	Subsidies      *Money `json:"subsidies,omitempty" class:"P3"`
	WithheldTax    *Money `json:"withheld_tax,omitempty" class:"P3"`
	Other          *Money `json:"other,omitempty" class:"P3"`
	Net            *Money `json:"net,omitempty" class:"P3"`
	Final          bool   `json:"final" class:"P3"`
}

// Line is one item of an order: total = subtotal − discount + (tax unless tax is included).
type Line struct {
	ExternalID       string    `json:"external_id,omitempty" class:"P3"`
	SKU              string    `json:"sku,omitempty" class:"P3"`
	ProductID        string    `json:"product_id,omitempty" class:"P3"`
	VariantID        string    `json:"variant_id,omitempty" class:"P3"`
	Title            string    `json:"title,omitempty" class:"P3"` // a catalogue title; P1 when Custom, for it was typed by hand for one buyer
	VariantTitle     string    `json:"variant_title,omitempty" class:"P3"`
	Quantity         int64     `json:"quantity" class:"P3"`
	CurrentQuantity  *int64    `json:"current_quantity,omitempty" class:"P3"` // after edits and refunds
	UnitPrice        *Money    `json:"unit_price,omitempty" class:"P3"`       // informs; nil when not exact
	Subtotal         *Money    `json:"subtotal,omitempty" class:"P3"`
	Discount         *Money    `json:"discount,omitempty" class:"P3"`
	Tax              *Money    `json:"tax,omitempty" class:"P3"`
	Total            *Money    `json:"total,omitempty" class:"P3"`
	PresentmentTotal *Money    `json:"presentment_total,omitempty" class:"P3"`
	TaxLines         []TaxLine `json:"tax_lines,omitempty" class:"P3"`
	GiftCard         bool      `json:"gift_card" class:"P3"` // a gift card sold; one used is a payment
	RequiresShipping bool      `json:"requires_shipping" class:"P3"`
	Custom           bool      `json:"custom" class:"P3"`
	Properties       []Note    `json:"properties,omitempty" class:"P1"` // what the buyer typed for this line
}

// TaxLine is one tax on a line.
type TaxLine struct {
	Title       string `json:"title,omitempty" class:"P3"`
	Rate        string `json:"rate,omitempty" class:"P3"` // a decimal fraction as the platform prints it: "0.06"
	Amount      *Money `json:"amount,omitempty" class:"P3"`
	CollectedBy string `json:"collected_by,omitempty" class:"P3"` // seller or platform: who owes it to the state
}

// ShippingLine is one way of shipping that the buyer chose.
type ShippingLine struct {
	ExternalID string `json:"external_id,omitempty" class:"P3"`
	Title      string `json:"title,omitempty" class:"P3"`
	Code       string `json:"code,omitempty" class:"P3"`
	Carrier    string `json:"carrier,omitempty" class:"P3"`
	Price      *Money `json:"price,omitempty" class:"P3"`
	Discount   *Money `json:"discount,omitempty" class:"P3"`
	Tax        *Money `json:"tax,omitempty" class:"P3"`
}

// Discount is one reduction that was applied to an order. A code can name a person, so it is P1.
type Discount struct {
	Code           string `json:"code,omitempty" class:"P1"`
	Title          string `json:"title,omitempty" class:"P1"` // staff type it by hand for manual discounts
	Kind           string `json:"kind,omitempty" class:"P3"`  // item, order, shipping, payment or coins
	FundedBy       string `json:"funded_by,omitempty" class:"P3"`
	Amount         *Money `json:"amount,omitempty" class:"P3"`
	PlatformAmount *Money `json:"platform_amount,omitempty" class:"P3"`
}

// Refund is money or goods given back.
type Refund struct {
	ExternalID string       `json:"external_id,omitempty" class:"P3"`
	CreatedAt  time.Time    `json:"created_at,omitzero" class:"P3"`
	Amount     *Money       `json:"amount,omitempty" class:"P3"` // money that really moved
	Lines      []RefundLine `json:"lines,omitempty" class:"P3"`
}

// RefundLine is what a refund says of one line.
type RefundLine struct {
	LineExternalID string `json:"line_external_id,omitempty" class:"P3"`
	Quantity       int64  `json:"quantity" class:"P3"`
	Amount         *Money `json:"amount,omitempty" class:"P3"`
}

// Payment is one movement of the buyer's money, the failed ones too.
type Payment struct {
	Provider   string    `json:"provider,omitempty" class:"P3"`
	ExternalID string    `json:"external_id,omitempty" class:"P3"`
	Kind       string    `json:"kind,omitempty" class:"P3"`
	Status     string    `json:"status,omitempty" class:"P3"`
	Amount     *Money    `json:"amount,omitempty" class:"P3"`
	CreatedAt  time.Time `json:"created_at,omitzero" class:"P3"`
}

// Fulfillment is one parcel. Its number and address lead to a person's door.
type Fulfillment struct {
	ExternalID     string    `json:"external_id,omitempty" class:"P3"`
	Status         string    `json:"status,omitempty" class:"P3"`
	Carrier        string    `json:"carrier,omitempty" class:"P3"`
	TrackingNumber string    `json:"tracking_number,omitempty" class:"P2"`
	TrackingURL    string    `json:"tracking_url,omitempty" class:"P1"`
	ShippedAt      time.Time `json:"shipped_at,omitzero" class:"P3"`
}

// Buyer is the person. It is sealed at rest and never part of a feed page or an event.
type Buyer struct {
	ExternalID      string   `json:"external_id,omitempty" class:"P2"` // the platform's customer id
	Name            string   `json:"name,omitempty" class:"P1"`
	Email           string   `json:"email,omitempty" class:"P1"`
	Phone           string   `json:"phone,omitempty" class:"P1"`
	TaxID           string   `json:"tax_id,omitempty" class:"P1"`
	Company         string   `json:"company,omitempty" class:"P1"`
	BillingAddress  *Address `json:"billing_address,omitempty" class:"P1"`
	ShippingAddress *Address `json:"shipping_address,omitempty" class:"P1"`
	Note            string   `json:"note,omitempty" class:"P1"`
	Attributes      []Note   `json:"attributes,omitempty" class:"P1"`
	Tags            []string `json:"tags,omitempty" class:"P1"`
}

// Address is a postal address.
type Address struct {
	Name         string `json:"name,omitempty" class:"P1"`
	Company      string `json:"company,omitempty" class:"P1"`
	Line1        string `json:"line1,omitempty" class:"P1"`
	Line2        string `json:"line2,omitempty" class:"P1"`
	City         string `json:"city,omitempty" class:"P1"`
	Province     string `json:"province,omitempty" class:"P1"`
	ProvinceCode string `json:"province_code,omitempty" class:"P1"`
	PostalCode   string `json:"postal_code,omitempty" class:"P1"`
	Country      string `json:"country,omitempty" class:"P1"`
	CountryCode  string `json:"country_code,omitempty" class:"P1"` // ISO 3166-1 alpha-2
	Phone        string `json:"phone,omitempty" class:"P1"`
}

// Note is a name and a value that somebody typed.
type Note struct {
	Name  string `json:"name,omitempty" class:"P1"`
	Value string `json:"value,omitempty" class:"P1"`
}

// Source says how this revision came to be.
type Source struct {
	Rules  string `json:"rules,omitempty" class:"P3"`   // version of the normalising rules, as "shopify/1"
	RawRef RawRef `json:"raw_ref,omitempty" class:"P3"` // the stored payload, which holds what the model leaves out
}
