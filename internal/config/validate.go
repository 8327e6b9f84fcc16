package config

import (
	"errors"
	"net"
	"strconv"
)

// Validate checks the settings against each other; Load has called it. The error joins one line for each contradiction.
func (c Config) Validate() error {
	return errors.Join(c.validatePlaces(), c.validatePorts(), c.validateBounds())
}

// validatePlaces refuses two uses of one MySQL database: shards hold different tenants under the same table names, and
// the vault's backups must never be those of the data that its keys open.
func (c Config) validatePlaces() error {
	var wrong []error
	taken := map[string]string{}
	claim := func(name, what string, dsn Secret) {
		if dsn == "" {
			return
		}
		if owner, ok := taken[place(dsn)]; ok {
			wrong = append(wrong, c.wrong(name, "%s is the same database as %s", what, owner))
			return
		}
		taken[place(dsn)] = what + " of " + envName(name)
	}
	for i, dsn := range c.Store.DSNs {
		claim("store", "DSN "+strconv.Itoa(i+1), dsn)
	}
	claim("control", "the DSN", c.Control.DSN)
	claim("vault", "the DSN", c.Vault.DSN)
	return errors.Join(wrong...)
}

func (c Config) validatePorts() error {
	if _, port, err := net.SplitHostPort(c.Listen); err == nil && c.Listen == c.AdminListen && port != "0" {
		return c.wrong("admin_listen", "is the same address as HUB_LISTEN; metrics and profiles need a port of their own")
	}
	return nil
}

func (c Config) validateBounds() error {
	if c.BacklogMax < c.MaxBody {
		return c.wrong("backlog_max", "is below HUB_MAX_BODY, so that a large webhook could never be taken")
	}
	return nil
}
