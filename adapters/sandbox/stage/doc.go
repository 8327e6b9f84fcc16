// Package stage is what every made-up platform stands on: its clock with what falls due, the faults that are set, the look of
// its pages, and the way in for whoever controls it.
//
// It promises that tasks run in the order of their instants, those of one instant in the order in which they were planned
// (with one worker); that a virtual clock moves by Advance alone; that a fault which is scripted changes nothing for the
// random ones after it, and each that is played is counted; and that the control answers only to loopback addresses, and to
// no page of another origin.
//
// It knows nothing of any platform, so that the platforms stay oracles of their own.
package stage
