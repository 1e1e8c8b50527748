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

// Run writes each page as it is read: there may be millions of revocations.
func (cmd listCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	db, err := existingStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	out := cmd.writer(p.stdout)
	for before := int64(math.MaxInt64); ; {
		page, err := db.List(ctx, before, p.now().UnixMilli(), listPage)
		if err != nil {
			return fmt.Errorf("list the revocations: %w", err)
		}
		if err := out.page(page); err != nil {
			return err
		}
		if len(page) < listPage {
			return out.end()
		}
		before = page[len(page)-1].Sequence
	}
}

func (cmd listCmd) writer(w io.Writer) listWriter {
	if cmd.Format == "json" {
		return &jsonList{w: w}
	}
	return &textList{w: w}
}

// listWriter writes revocations page by page.
type listWriter interface {
	page([]revocation.Revocation) error
	end() error
}

type textList struct {
	w     io.Writer
	begun bool
}

func (l *textList) page(page []revocation.Revocation) error {
	var out strings.Builder
	if len(page) > 0 && !l.begun {
		l.begun = true
		fmt.Fprintf(&out, "%9s  %-23s  %-23s  %s\n", "SEQUENCE", "REVOKED", "KEPT UNTIL", "SUBJECT")
	}
	for _, r := range page {
		until := "forever"
		if r.KeptUntil != revocation.Forever {
			until = timestamp(r.KeptUntil)
		}
		fmt.Fprintf(&out, "%9d  %-23s  %-23s  %s", r.Sequence, timestamp(r.RevokedAt), until, subject(r))
		if r.Reason != "" {
			out.WriteString(": " + printable(r.Reason))
		}
		out.WriteByte('\n')
	}
	_, err := io.WriteString(l.w, out.String())
	return err
}

func (l *textList) end() error {
	if l.begun {
		return nil
	}
	_, err := fmt.Fprintln(l.w, "No revocation is in force.")
	return err
}

// jsonList writes one array of objects, each a Revocation of the contract.
type jsonList struct {
	w     io.Writer
	begun bool
}

func (l *jsonList) page(page []revocation.Revocation) error {
	var out strings.Builder
	for _, r := range page {
		separator := ",\n"
		if !l.begun {
			l.begun, separator = true, "[\n"
		}
		text, err := json.Marshal(api.Revocation(r))
		if err != nil {
			return fmt.Errorf("encode a revocation: %w", err)
		}
		out.WriteString(separator)
		out.Write(text)
	}
	_, err := io.WriteString(l.w, out.String())
	return err
}

func (l *jsonList) end() error {
	closing := "\n]\n"
	if !l.begun {
		closing = "[]\n"
	}
	_, err := io.WriteString(l.w, closing)
	return err
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
