package shopify

import "strings"

// How much is asked for at once. A query may cost 1000 points at most (U for 2026) and is charged by what is really there;
// a connection costs what its page asks for. Counted as strictly as can be, an order below is 93 points, a line 6.
const (
	ordersAtOnce = 10  // whole orders: 930 points
	linesAtOnce  = 150 // further lines of one order: 900 points
	listAtOnce   = 250 // orders of a list: 250 points
)

// text writes a query from the pieces below, which are written out because bulk queries may know no fragments (U). Pieces
// hold pieces, three deep.
func text(query string) string {
	replacer := strings.NewReplacer(pieces[:]...)
	for range 3 {
		query = replacer.Replace(query)
	}
	return strings.Join(strings.Fields(query), " ")
}

// lineFields are what is read of a line; @INDEX is what is asked of a discount application.
const lineFields = `id name title variantTitle sku quantity currentQuantity isGiftCard requiresShipping variant{id} product{id}
	originalUnitPriceSet @MONEY totalDiscountSet @MONEY discountAllocations{allocatedAmountSet @MONEY discountApplication @INDEX}
	taxLines{title rate priceSet @MONEY channelLiable} customAttributes{key value}`

var pieces = [...]string{
	"@MONEY", `{shopMoney{amount currencyCode} presentmentMoney{amount currencyCode}}`,
	"@PAGE", `pageInfo{hasNextPage endCursor}`,
	"@ADDRESS", `{firstName lastName name company address1 address2 city zip country countryCodeV2 province provinceCode phone}`,
	"@APPLICATION", `{index targetType targetSelection ... on AutomaticDiscountApplication{title} ... on DiscountCodeApplication{code}
		... on ManualDiscountApplication{title description} ... on ScriptDiscountApplication{title}}`,
	"@HEAD", `id legacyResourceId name createdAt processedAt updatedAt cancelledAt cancelReason closedAt test currencyCode
		presentmentCurrencyCode taxesIncluded dutiesIncluded displayFinancialStatus displayFulfillmentStatus returnStatus sourceName
		tags note email phone paymentGatewayNames discountCodes customAttributes{key value} retailLocation{id}
		customer{id firstName lastName displayName email phone} billingAddress @ADDRESS shippingAddress @ADDRESS
		transactions{id kind status gateway amountSet @MONEY createdAt processedAt}
		fulfillments{id status displayStatus createdAt trackingInfo{company number url}}
		totalPriceSet @MONEY totalTaxSet @MONEY totalDiscountsSet @MONEY totalShippingPriceSet @MONEY totalTipReceivedSet @MONEY
		currentTotalPriceSet @MONEY totalOutstandingSet @MONEY originalTotalDutiesSet @MONEY originalTotalAdditionalFeesSet @MONEY
		totalCashRoundingAdjustment{paymentSet @MONEY}`,
	"@LINE", lineFields,
	"@INDEX", `{index}`,
	"@SHIPPING", `id title code carrierIdentifier originalPriceSet @MONEY discountedPriceSet @MONEY
		discountAllocations{allocatedAmountSet @MONEY discountApplication{index}} taxLines{title rate priceSet @MONEY channelLiable}`,
	"@BACK", `lineItem{id} quantity subtotalSet @MONEY totalTaxSet @MONEY`,
	"@MOVED", `kind status amountSet @MONEY`,
	"@WHOLE", `@HEAD lineItems(first:10){nodes{@LINE} @PAGE} shippingLines(first:2){nodes{@SHIPPING} @PAGE}
		discountApplications(first:5){nodes @APPLICATION @PAGE}
		refunds{id createdAt totalRefundedSet @MONEY refundLineItems(first:5){nodes{@BACK} @PAGE} transactions(first:3){nodes{@MOVED} @PAGE}}`,
}

// queryTexts are the questions. Those that list several orders ask for their connections by nodes, bulk ones by edges, as
// they must.
type queryTexts struct {
	orders, page, list, bulk, bulkRun, bulkAt              string
	shop, uninstall, subscriptions, subscribe, unsubscribe string
}

var queries = queryTable()

func queryTable() queryTexts {
	return queryTexts{
		orders: text(`query Orders($ids:[ID!]!){nodes(ids:$ids){... on Order{@WHOLE}}}`),
		page: text(`query Page($first:Int!,$query:String!,$key:OrderSortKeys!,$after:String){
			orders(first:$first,after:$after,reverse:true,sortKey:$key,query:$query){nodes{@WHOLE} @PAGE}}`),
		list: text(`query List($first:Int!,$query:String!,$key:OrderSortKeys!,$after:String){
			orders(first:$first,after:$after,sortKey:$key,query:$query){
				nodes{id createdAt processedAt updatedAt cancelledAt totalPriceSet{shopMoney{amount currencyCode}}} @PAGE}}`),
		bulk: text(`{orders(sortKey:@KEY,reverse:true,query:"@FILTER"){edges{node{@HEAD
			shippingLine{@SHIPPING} refunds{id} lineItems{edges{node{@BULKLINE}}}}}}}`),
		bulkRun:   text(`mutation Run($query:String!){bulkOperationRunQuery(query:$query){bulkOperation{id} userErrors{field message code}}}`),
		bulkAt:    text(`query At($id:ID!){bulkOperation(id:$id){status errorCode rootObjectCount fileSize url}}`),
		shop:      text(`query Shop{shop{name myshopifyDomain currencyCode} currentAppInstallation{accessScopes{handle}}}`),
		uninstall: text(`mutation Uninstall{appUninstall{userErrors{field message}}}`),
		subscriptions: text(`query Subscriptions($after:String){webhookSubscriptions(first:100,after:$after){
			nodes{id topic uri format apiVersion{handle}} @PAGE}}`),
		subscribe: text(`mutation Subscribe($topic:WebhookSubscriptionTopic!,$uri:String!){
			webhookSubscriptionCreate(topic:$topic,webhookSubscription:{uri:$uri,format:JSON}){
				webhookSubscription{id} userErrors{field message}}}`),
		unsubscribe: text(`mutation Unsubscribe($id:ID!){webhookSubscriptionDelete(id:$id){deletedWebhookSubscriptionId userErrors{field message}}}`),
	}
}

// follow are the connections of an order that may have more pages, and how a page of each is asked for.
var follow = []struct{ on, field, query string }{
	{"Order", "lineItems", further("Order", `lineItems(first:150,after:$after){nodes{@LINE} @PAGE}`)},
	{"Order", "shippingLines", further("Order", `shippingLines(first:50,after:$after){nodes{@SHIPPING} @PAGE}`)},
	{"Order", "discountApplications", further("Order", `discountApplications(first:100,after:$after){nodes @APPLICATION @PAGE}`)},
	{"Refund", "refundLineItems", further("Refund", `refundLineItems(first:150,after:$after){nodes{@BACK} @PAGE}`)},
	{"Refund", "transactions", further("Refund", `transactions(first:100,after:$after){nodes{@MOVED} @PAGE}`)},
}

func further(on, field string) string {
	return text(`query Further($id:ID!,$after:String!){node(id:$id){... on ` + on + `{` + field + `}}}`)
}

// bulkQuery is the query of an export. Only Node types may be connections there, and none within a list (recorded
// refusals), so shipping lines are the first one alone, discount applications are those that allocations name, and refunds
// have no lines: an order that needs more is read by its id.
func bulkQuery(key, filter string) string {
	line := text(strings.ReplaceAll(lineFields, "@INDEX", "@APPLICATION"))
	return strings.NewReplacer("@BULKLINE", line, "@KEY", key, "@FILTER", filter).Replace(queries.bulk)
}
