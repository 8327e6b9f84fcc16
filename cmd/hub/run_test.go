package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	for line, want := range map[string]int{
		"--help": exitOK, "version": exitOK, "key create --help": exitOK,
		"": exitUsage, "bogus": exitUsage, "serve --surprise": exitUsage, "tenant create": exitUsage, "version -o xml": exitUsage,
		"normalize --platform amazon": exitUsage, "app add --platform shopify --name A": exitUsage,
		"normalize --platform shopify none.json": exitFailed, "tenant list": exitFailed, "serve --log-level loud": exitFailed,
	} {
		var out, errs bytes.Buffer
		if got := run(t.Context(), strings.Fields(line), strings.NewReader(""), &out, &errs, nil); got != want {
			t.Errorf("hub %s: exit %d, want %d\n%s", line, got, want, &errs)
		}
		if (errs.Len() == 0) != (want == exitOK) || (out.Len() == 0) != (want != exitOK) {
			t.Errorf("hub %s: exit %d with %d bytes out and %d on standard error", line, want, out.Len(), errs.Len())
		}
	}
}
