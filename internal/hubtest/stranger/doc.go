// Package stranger reads what the hub leaves on disks the way somebody does who has the files and docs/format-sealed.md and
// nothing else: no package of the hub, no database, no library.
//
// It promises to try: every keyring with every root that it is given, every wrapped key with every keyring, every sealed value
// with every key, wherever in a file their bytes are found, in rows, in free pages, in logs. What it does not open does not
// prove much alone; a test gives it the same files with a root of the time before, and then it must open them.
package stranger
