// Package storetest is the suite of behaviour that package store passes on every database it supports.
//
// It promises that a database which passes keeps the promises of store's contract as far as one process can see them.
// What needs a server to be killed, cut off or misconfigured, or a second process, is tested in package store itself.
package storetest
