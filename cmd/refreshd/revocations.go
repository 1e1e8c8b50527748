package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/service"
)

type revocationsCmd struct {
	List listCmd `cmd:"" help:"Show the revocations in force, newest first."`
}

type listCmd struct {
	Format string `enum:"text,json" default:"text" placeholder:"FORMAT" help:"text or json."`
}

// listPage is how many revocations are read at a time.
const listPage = 1000

// listFormat is the form of a list: of an empty list, and around and between the lines.
type listFormat struct {
	empty, begin, separator, end string
	line                         func(revocation.Revocation) (string, error)
}

// Run writes each page as it is read: there may be millions of revocations.
func (cmd listCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	db, err := existingStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	format := listFormat{
		empty: "No revocation is in force.\n",
		begin: fmt.Sprintf(textRow+"\n", "SEQUENCE", "REVOKED", "KEPT UNTIL", "SUBJECT"),
		line:  textLine,
	}
	if cmd.Format == "json" {
		format = listFormat{
			empty:     "[]\n",
			begin:     "[\n",
			separator: ",\n",
			end:       "\n]\n",
			line:      jsonLine,
		}
	}
	before, next := int64(math.MaxInt64), format.begin
	for {
		page, err := db.List(ctx, before, p.now().UnixMilli(), listPage)
		if err != nil {
			return fmt.Errorf("list the revocations: %w", err)
		}
		var out strings.Builder
		for _, r := range page {
			line, err := format.line(r)
			if err != nil {
				return err
			}
			out.WriteString(next + line)
			before, next = r.Sequence, format.separator
		}
		if len(page) < listPage && before == math.MaxInt64 {
			out.WriteString(format.empty)
		} else if len(page) < listPage {
			out.WriteString(format.end)
		}
		if _, err := io.WriteString(p.stdout, out.String()); err != nil || len(page) < listPage {
			return err
		}
	}
}

const textRow = "%9v  %-23s  %-23s  %s"

func textLine(r revocation.Revocation) (string, error) {
	until := "forever"
	if r.KeptUntil != revocation.Forever {
		until = timestamp(r.KeptUntil)
	}
	by, reason := "", ""
	if r.Actor != "" {
		by = ", by " + printable(r.Actor)
	}
	if r.Reason != "" {
		reason = ": " + printable(r.Reason)
	}
	return fmt.Sprintf(textRow+"%s%s\n",
		r.Sequence, timestamp(r.RevokedAt), until, subject(r), by, reason), nil
}

// jsonLine returns a Revocation of the contract.
func jsonLine(r revocation.Revocation) (string, error) {
	text, err := json.Marshal(api.Revocation(r))
	return string(text), err
}

// printable escapes characters that could control a terminal or break a line.
func printable(s string) string {
	var safe strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			safe.WriteRune(r)
		} else {
			fmt.Fprintf(&safe, `\u%04x`, r)
		}
	}
	return safe.String()
}
