// Package connect lets shops in by their platform's own page, and keeps the tokens that they let the hub have.
//
// It promises that a way to a platform and back (ticket, state, PKCE verifier) is used once, within ten minutes, by the
// browser and for the tenant that it was begun for; that a shop belongs to one connection over all tenants at a time, and is
// free when that connection is over; that no connection is given up because of our clock or of somebody's word, but by what its
// platform answers to the app that has its tokens, or because nothing opens them any more; that tokens rest sealed under the connection's own key, which dies with it, while one that comes back has another; and that a pair of tokens which a platform gave is
// not lost by the death of a hub: the intention to ask for the next pair is durable before it is asked for, the next one is
// durable before the former is dropped, and the former is dropped when the next has worked. Of several hubs one asks at a
// time, by a lease that counts by the clock of the database; what a hub does that lost its lease is not believed, unless it
// brings the answer that everybody waits for. A shop whose owner must authorise again is marked so, with a reason.
//
// Where a platform takes a refresh token once and keeps no copy of its answer, nothing can be promised when the machine, or
// the whole container, dies between the platform's answer and the next write to a disk. The call is therefore made by a
// process of its own, a keeper, which outlives the hub's and writes into the control database (decision 15).
//
// It does not fetch orders and sends no call itself: platform drivers say what to call, package adapters calls.
package connect
