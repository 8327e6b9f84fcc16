// Package wal is a segmented, checksummed, group-committed write-ahead log.
//
// # Promises
//
// A record whose Append returned nil is found by every later Open, whatever was
// killed or lost power, until Trim deletes its segment: the log after recovery
// is a prefix of what was appended that contains every acknowledged record, each
// once, without holes. Readers see durable records only. A record whose Append
// failed is not in the log, unless the error is ErrOutcomeUnknown. A failed
// fsync stops the log for good; a full disk refuses appends until space returns.
// A cursor never moves back past an acknowledged Advance after a crash.
//
// # What it does not promise
//
// It does not lock the directory, encrypt, or replicate. Records of one batch
// become durable together, but a crash before its fsync returned may leave any
// prefix of it. A consumer may see a record again whose Advance failed or whose
// cursor file was damaged in the newer of its two copies.
//
// # Files
//
// Segments are called by their number, "00000000000000000001.seg", and have a
// fixed length, written as zeros and synced, directory too, before use; the next
// one is prepared while the active one fills. A segment is a header page (see
// segmentHeader) and records (see record), then zeros. "NAME.cursor" and
// "synced.mark" hold one number each (see slots). "*.tmp" is unfinished and
// deleted by Open.
//
// # Torn tail or damage
//
// One goroutine writes: batch, fsync, next batch. So at any instant only the
// last batch written can be unsynced, and reading stops at a bad place either
// because that batch is torn, which is normal, or because synced bytes are
// wrong, which must be refused. Each record carries its distance to the start of
// its batch. The place is before the synced point, and Open refuses with a
// DamageError, if
//
//   - a record header behind it belongs to a batch that starts behind it: that
//     batch was written after an fsync covered the place;
//   - its segment has a successor with a header, which is written only when
//     everything before it is synced; here every byte must be right, the zeros
//     behind the last record too;
//   - a cursor passed it, as cursors move over synced records only;
//   - synced.mark, written by Open and Close, lies behind it;
//   - a sound record header that does not belong there starts at it: a torn
//     write leaves old bytes or new bytes, and old ones are zeros.
//
// The last holds because Open and a write that met a full disk put durable zeros
// over what they discard. Otherwise the tail is cut off. Checksums start from a
// random salt, so that payload bytes cannot pass for evidence.
//
// What cannot be told apart: after a crash, damage within the last batch written
// looks like a torn write, and so does a cut or zeroed file that lost every
// later batch, if no cursor or mark is beyond it. Two damages that cancel out
// CRC32C are not seen. It is assumed that writing the same bytes again over
// synced ones in one sector cannot spoil them.
//
// # After a failed fsync
//
// The kernel may call pages clean that never reached the disk. The log therefore
// never repeats an fsync, and Open writes again whatever may be concerned, the
// last batch, the last header and the cursors, before it shows a record.
package wal
