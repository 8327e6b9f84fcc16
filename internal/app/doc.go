// Package app puts the hub together: it opens every part in the order in which they depend on each other, starts what runs
// in the background, serves, and stops without leaving accepted work behind.
//
// It promises that nothing is served before it is safe to accept, that one data folder is used by one process, that a hub
// whose databases are down still accepts webhooks if it has ever seen its directory, and that a regular stop finishes
// what was accepted or leaves it in the log for the next start. It decides nothing about orders.
package app
