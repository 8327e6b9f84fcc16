//go:build !unix || solaris || aix

package gdpr

import (
	"errors"
	"os"
)

func lockFile(*os.File) error { return errors.ErrUnsupported }

func device(string) (uint64, error) { return 0, errors.ErrUnsupported }
