package httpapi

import (
	"net/http"

	"hub"
	"hub/gdpr"
	"hub/gdpr/forget"
	"hub/internal/erp"
	"hub/internal/reconcile"
)

// texts says what a code means to the person who reads the problem. A code without a row is explained by its status.
var texts = map[hub.Code]string{
	// The request.
	"route_not_found":    "There is nothing at this address.",
	"method_not_allowed": "This address exists, but not for this method.",
	"body_too_large":     "The body is larger than this hub accepts.",
	"body_timeout":       "The body did not arrive in time.",
	"body_incomplete":    "The body ended before its announced length.",
	"body_encoding":      "Bodies are taken as they are, without Content-Encoding.",
	"body_type":          "The body must be application/json.",
	"body_malformed":     "The body is not one well-formed JSON object without repeated members.",
	"body_missing":       "This request needs a JSON object as its body.",
	"request_invalid":    "Parts of the request break a rule; errors names them.",
	"query_invalid":      "The query cannot be read.",
	"cursor_invalid":     "The cursor is none that this list gave out for this filter.",
	// Identity.
	"key_refused":            "An API key is needed, as Authorization: Bearer KEY, and this is not a good one.",
	"role_forbidden":         "The role of this API key may not do this.",
	"personal_scope_missing": "Personal fields need a key with the scope personal:read, which an auditor cannot have.",
	"signature_invalid":      "The delivery is not signed by the platform with a secret of this endpoint.",
	"endpoint_unknown":       "There is no such webhook endpoint.",
	// Objects.
	"tenant_not_found":         "There is no such tenant.",
	"key_not_found":            "There is no such API key.",
	"app_not_found":            "There is no such app.",
	"hub_alive":                "This hub has reported a moment ago: it runs. Stop it first, and wait three minutes.",
	"order_not_found":          "There is no such order.",
	"parked_not_found":         "There is no such parked delivery.",
	"acknowledged_otherwise":   "This client has acknowledged the order under another reference already.",
	"name_taken":               "This name is in use already.",
	"shop_taken":               "This shop is connected already, by this or another tenant.",
	"after_beyond_head":        "The feed ends before this position: the hub's data was restored from a backup; ask the operator.",
	"connection_not_found":     "There is no such connection.",
	"no_app":                   "There is no app of this platform that shops can be connected through: an operator adds one with a client id.",
	"app_ambiguous":            "Shops of this platform can be connected through several apps: name one as app_id.",
	"too_many_steps":           "Too many links were made and not used. They end after ten minutes; come back then.",
	"ticket_unknown":           "Links to connect a shop can be opened once, within ten minutes. This one was opened before, or is over.",
	"state_unknown":            "The way back from the platform is good once, within ten minutes. This one was used before, or is over.",
	"browser_other":            "The way back must end in the browser in which it began. Open the link again, and stay in that browser.",
	"shop_other":               "The platform gave permission for another shop than the one that was meant.",
	"parked_settled":           "This delivery is not parked any more.",
	"parked_unreadable":        "The bytes of this delivery cannot be read: they were erased, are past their retention, or their key is not in this vault.",
	"hub_not_found":            "There is no such hub.",
	forget.CodeKeysVanished:    "Keys are missing that nobody ended. Nothing was destroyed: bring the vault's rows back, or find out who removed them.",
	forget.CodeKeysDamaged:     "Keys in the vault are damaged, and would be lost with this cycle. Put them back from a copy of the vault; doing without them can be approved.",
	forget.CodeElsewhere:       "Another hub runs the forget cycle. Look at it, or ask again in a minute.",
	hub.CodeStaleEpoch:         "Another hub took over meanwhile. Look at how far it came, or ask again.",
	forget.CodeApprovalNeeded:  "This cycle would end the keys of unusually many persons. Look whether they are meant, then approve their number.",
	"reconciliation_not_found": "There is no such statement.",
	// Fields.
	reconcile.CodeDayInvalid:  "A day is written as 2026-11-20.",
	reconcile.CodeDayInFuture: "This day has not begun yet, in UTC.",
	"tenant_required":         "A tenant is named, for everything but an operator's own key, which has none.",
	"role_unknown":            "This is no role.",
	"scope_unknown":           "This is no scope.",
	"scope_of_other_role":     "A key of this role cannot have this scope.",
	"retention_invalid":       "Personal fields are kept 1 to 3650 days, or 0 for the default.",
	"platform_unknown":        "This hub does not know this platform.",
	"environment_unknown":     "The environment is live or sandbox.",
	"shop_invalid":            "This is no name of a shop on this platform.",
	"site_unknown":            "This is no country of this platform.",
	"client_id_invalid":       "A client id has 1 to 128 visible characters.",
	"address_invalid":         "This address cannot be used: it is https without a user name, or, where an operator may, http on a loopback address.",
	"base_of_live":            "Only an app of a sandbox has an address of its own; the live platform's is known.",
	"app_scope_invalid":       "This is no scope of a platform.",
	"too_many_scopes":         "There are more scopes than an app asks for.",
	"name_invalid":            "A name has 1 to 200 bytes of text without control characters.",
	"reference_too_long":      "A reference has at most 128 characters.",
	"reference_blank":         "A reference has characters other than spaces.",
	"reference_characters":    "A reference has no control characters, line ends or characters that change the direction of text.",
	"secret_too_short":        "A secret has 8 to 1024 characters.",
	"secret_too_long":         "A secret has 8 to 1024 characters.",
	"too_many_secrets":        "There are more secrets than a platform has at one time.",
	"app_or_secret":           "A connection uses an app or brings its own secret, not both.",
	"secret_twice":            "Give secret, secrets or app_id, and only one of them.",
	hub.CodeMissing:           "Something that is needed is missing.",
	hub.CodeOutOfRange:        "A value is outside of its bounds.",
	// The hub.
	"internal":                  "The hub failed. Nothing is wrong with the request; the operator finds the reason under the request id.",
	"unknown_outcome":           "It is not known whether this was done. Look before doing it again.",
	"backlog_full":              "The hub has more than it can store at the moment.",
	"log_unavailable":           "The hub cannot store deliveries at the moment.",
	"secrets_unavailable":       "The hub cannot open the secrets of this endpoint at the moment.",
	"bodies_in_flight":          "The hub is receiving more than it can hold at the moment.",
	"too_many_waiting":          "Too many readers wait for changes already. Ask without wait, or come back after the stated time.",
	gdpr.CodeVaultStale:         "The hub has not heard from the vault for too long to serve personal fields. Nothing was served.",
	erp.CodePersonalUnavailable: "Personal fields cannot be served at the moment. Nothing was served.",
	forget.CodeNotReconciled:    "The hub is still comparing what was erased with the vault. Nothing was served.",
	forget.CodeShardBehind:      "The orders are an older copy than what was forgotten, and are being made good. Nothing was served.",
	forget.CodeVaultBehind:      "The vault is an older copy than the orders, and is being made good. Nothing was served.",
	gdpr.CodeRootMismatch:       "The hub's root keys and the vault do not belong together. The operator has to look at HUB_KEYS.",
	"not_ready":                 "A part of the hub does not work; problems names it.",
}

func detailOf(status int, code hub.Code) string {
	if text, ok := texts[code]; ok {
		return text
	}
	switch status {
	case http.StatusUnprocessableEntity:
		return "A value of the request breaks a rule."
	case http.StatusUnauthorized:
		return "The request is not proven to be authentic."
	case http.StatusForbidden:
		return "This is not allowed."
	case http.StatusNotFound:
		return "There is no such object."
	case http.StatusConflict:
		return "The state of the object contradicts the request."
	case http.StatusRequestEntityTooLarge:
		return "The request is too large."
	case http.StatusTooManyRequests:
		return "Too many requests; come back after the stated time."
	case http.StatusServiceUnavailable:
		return "A part of the hub does not answer; come back after the stated time."
	}
	return texts["internal"]
}
