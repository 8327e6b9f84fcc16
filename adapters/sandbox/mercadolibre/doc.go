// Package mercadolibre is a Mercado Libre to test against: sellers of eight countries who take orders, thin unsigned
// notifications, OAuth and the API for orders and what belongs to them, as strict as the real platform is documented to be.
//
// A Platform holds sellers and apps, serves the platform's addresses as an http.Handler and sends notifications itself,
// with the documented time-out, repetitions and switching off. Its time is a virtual clock that the owner advances, or a
// clock that is given.
//
// It promises that an order is one item, that orders of a basket share a pack and a shipment, that OrderState is added up
// apart from what is printed, that a refresh token works once, and that times, ids and amounts are spelt as differently as
// they are in recorded answers. All randomness comes from the seed: the same calls in the same order give the same run.
// Every fault that it plays is counted. What the platform's documentation leaves open is marked (U): a guess, on the strict
// side where there is one. It is an oracle: it shares no code with the driver, so a mistake made there is not repeated here.
//
// A Platform is safe for concurrent use. It keeps everything in memory and ends with the process. It has no items, stock,
// questions, messages or invoices, no Global Selling, no test users and no passwords.
package mercadolibre
