package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/service"
)

type keysListCmd struct{}

func (keysListCmd) Run(p *program, s *service.Settings) error {
	set, err := loadKeys(s)
	if err != nil {
		return err
	}
	return showKeys(p.stdout, set, p.now())
}

// showKeys writes a table of the keys in their order.
func showKeys(w io.Writer, set *jwk.Set, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tALGORITHM\tSTATE\tSIGNS FROM\tVERIFIES UNTIL")
	for _, k := range set.All() {
		id := k.ID()
		if strings.TrimSpace(id) == "" || !strconv.CanBackquote(id) {
			id = strconv.Quote(id)
		}
		from := "never"
		if k.CanSign() {
			from = moment(k.NotBefore(), "ever")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n",
			id, k.Algorithm(), keyState(set, k, now), from, moment(k.Expires(), "removed"))
	}
	return table.Flush()
}

func keyState(set *jwk.Set, k *jwk.Key, now time.Time) string {
	switch {
	case k.Expires() != 0 && k.Expires() <= now.Unix():
		return "expired"
	case k == set.Active(now):
		return "signs"
	case k.CanSign() && k.NotBefore() > now.Unix():
		return "announced"
	}
	return "verifies"
}

func moment(unix int64, none string) string {
	if unix == 0 {
		return none
	}
	return time.Unix(unix, 0).UTC().Format(timeFormat)
}

type keysPublicCmd struct{}

func (keysPublicCmd) Run(p *program, s *service.Settings) error {
	set, err := loadKeys(s)
	if err != nil {
		return err
	}
	data, err := set.MarshalPublic(p.now())
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(data)
	return err
}
