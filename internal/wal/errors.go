package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// What a caller can branch on, with errors.Is. An error of Append that is
// neither ErrOutcomeUnknown nor nil says that the record was not stored and
// never will be.
var (
	// ErrClosed: Close was called.
	ErrClosed = errors.New("log closed")
	// ErrStopped: a write or fsync failed earlier; see StoppedError. Only
	// opening the directory again, after the disk was looked at, helps.
	ErrStopped = errors.New("log stopped")
	// ErrUnavailable: the record could not be taken now; the caller may retry.
	ErrUnavailable = errors.New("log unavailable")
	// ErrFull: the disk is full. It is also ErrUnavailable: appending works
	// again once space returns.
	ErrFull = errors.New("disk full")
	// ErrOutcomeUnknown: the record may or may not be found after recovery.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrTooLarge: the payload is longer than Options.MaxRecord.
	ErrTooLarge = errors.New("record too large")
	// ErrDeleted: the record was deleted by Trim.
	ErrDeleted = errors.New("record deleted")
	// ErrNotSynced: the index or position lies behind the last durable record.
	ErrNotSynced = errors.New("beyond the synced point")
	// ErrBackwards: a cursor was told to move back.
	ErrBackwards = errors.New("cursor would move backwards")
	// ErrDamaged: bytes that had been synced are wrong; see DamageError.
	ErrDamaged = errors.New("log damaged")
)

// StoppedError is what every call that writes returns once a write, fsync or
// directory fsync went wrong. The kernel may have dropped the pages and called
// them clean, so a second fsync would prove nothing and is never tried.
type StoppedError struct {
	Op  string // what failed, with its subject
	Err error
}

// Error implements error.
func (e *StoppedError) Error() string { return fmt.Sprintf("log stopped: %s: %v", e.Op, e.Err) }

// Unwrap gives the failure of the disk.
func (e *StoppedError) Unwrap() error { return e.Err }

// Is matches ErrStopped.
func (e *StoppedError) Is(target error) bool { return target == ErrStopped }

// DamageError names the place where synced bytes are wrong.
type DamageError struct {
	File    string // base name
	Segment uint64 // sequence number, 0 for a cursor file
	Offset  int64  // bytes from the start of the file
	Index   Index  // the record that belongs there, 0 if none does
	Reason  string
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("log damaged: %s at offset %d (segment %d, index %d): %s",
		e.File, e.Offset, e.Segment, e.Index, e.Reason)
}

// Is matches ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// refusal is a retryable failure that left nothing behind.
type refusal struct {
	op      string
	err     error
	unknown bool // a remainder could not be wiped, so a crash may bring it back
}

func (e *refusal) Error() string { return e.op + ": " + e.err.Error() }

func (e *refusal) Unwrap() error { return e.err }

func (e *refusal) Is(target error) bool {
	switch target {
	case ErrUnavailable:
		return true
	case ErrFull:
		return outOfSpace(e.err)
	case ErrOutcomeUnknown:
		return e.unknown
	}
	return false
}

func outOfSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
