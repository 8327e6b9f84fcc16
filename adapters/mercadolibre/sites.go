package mercadolibre

import "hub"

// site is one country of the platform.
type site struct {
	authorize string       // the host of its page that asks the merchant
	currency  hub.Currency // "" where the platform's own is not in ISO 4217
}

// sites are the countries where orders are sold, by the platform's ids. Those without a page of their own use the one for
// all, which the documentation does not name and public programs use (U). Venezuela's currency is VEF in the documentation
// and was renamed since (U). Global Selling sells in dollars, under a page of its own (U).
var sites = map[string]site{
	"MLA": {"auth.mercadolibre.com.ar", "ARS"},
	"MLB": {"auth.mercadolivre.com.br", "BRL"},
	"MLM": {"auth.mercadolibre.com.mx", "MXN"},
	"MLC": {"auth.mercadolibre.cl", "CLP"},
	"MCO": {"auth.mercadolibre.com.co", "COP"},
	"MLU": {"auth.mercadolibre.com.uy", "UYU"},
	"MPE": {"auth.mercadolibre.com.pe", "PEN"},
	"MEC": {"auth.mercadolibre.com.ec", "USD"},
	"MLV": {"auth.mercadolibre.com.ve", ""},
	"MBO": {allSites, "BOB"},
	"MCR": {allSites, "CRC"},
	"MRD": {allSites, "DOP"},
	"MGT": {allSites, "GTQ"},
	"MHN": {allSites, "HNL"},
	"MNI": {allSites, "NIO"},
	"MPY": {allSites, "PYG"},
	"MSV": {allSites, "USD"},
	"MPA": {allSites, "USD"},
	"CBT": {"global-selling.mercadolibre.com", "USD"},
}

// allSites is the page that finds the merchant's country itself (U).
const allSites = "auth.mercadolibre.com"

// crossBorder is the site of accounts that sell into several countries.
const crossBorder = "CBT"
