// Package httpapi is the hub's front door over HTTP: the webhook door, the API of merchants and ERP systems, its OpenAPI
// document and the page that people read it on, and the health of the process.
//
// It promises that every answer which is not a success is an RFC 9457 problem with a stable code and a request id, made
// in one place from the kind of the error and never from its text; that a webhook is answered 2xx only after the door
// has it on disk; that another tenant's object cannot be told from a missing one; that bodies are bounded in size and
// time before anybody is authenticated; and that no secret, endpoint token, query, body or raw path reaches the log.
//
// It decides nothing about orders, tenants or deliveries, keeps no state and owns no listener: address, connection
// limits and shutdown belong to package app, and the bounds that it relies on are the constants beside Handler.
package httpapi
