package wal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	defaultSegmentBytes  = 64 << 20
	defaultMaxRecord     = 16 << 20
	defaultMaxBatchBytes = 1 << 20
	maxSegmentBytes      = 1 << 30

	// prepareRetry keeps a full disk from being filled with zeros and emptied
	// again for every append that arrives meanwhile.
	prepareRetry = 100 * time.Millisecond
)

// Options of a log; all but Now may be left out.
type Options struct {
	FS           FS               // OS() if nil
	Now          func() time.Time // must be set; only spaces attempts on a full disk
	Rand         io.Reader        // crypto/rand if nil; 4 bytes when a log is created
	SegmentBytes int64            // length of one file; 64 MiB if 0, at most 1 GiB; rounded up to 4 KiB
	// MaxRecord bounds one payload in bytes; 16 MiB if 0, or what a segment
	// holds if that is less.
	MaxRecord int
	// MaxBatchBytes bounds what one fsync covers; 1 MiB if 0. A larger single
	// record is a batch of its own. Appenders beyond it wait for the next batch.
	MaxBatchBytes int
}

func (o Options) withDefaults() (Options, error) {
	if o.FS == nil {
		o.FS = OS()
	}
	if o.Now == nil {
		return o, errors.New("no clock")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	o.SegmentBytes = (o.SegmentBytes + headerBytes - 1) / headerBytes * headerBytes
	if o.SegmentBytes < 2*headerBytes || o.SegmentBytes > maxSegmentBytes {
		return o, fmt.Errorf("segment of %d bytes is out of range", o.SegmentBytes)
	}
	room := int(o.SegmentBytes) - headerBytes
	if o.MaxRecord == 0 {
		o.MaxRecord = min(defaultMaxRecord, room-recordHeader)
	}
	if o.MaxRecord < 1 || recordSize(o.MaxRecord) > room {
		return o, fmt.Errorf("record of %d bytes does not fit a segment of %d", o.MaxRecord, o.SegmentBytes)
	}
	if o.MaxBatchBytes <= 0 {
		o.MaxBatchBytes = defaultMaxBatchBytes
	}
	o.MaxBatchBytes = min(o.MaxBatchBytes, room)
	return o, nil
}
