package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
)

type keysCmd struct {
	New    keysNewCmd    `cmd:"" help:"Put a new key behind those in the file; print its ID."`
	List   keysListCmd   `cmd:"" help:"Show the keys in the file, without anything secret."`
	Rotate keysRotateCmd `cmd:"" help:"Let a new key take over from the one that signs; print its ID."`
	Remove keysRemoveCmd `cmd:"" help:"Drop a key from the file: tokens that it signed are refused from then on."`
	Public keysPublicCmd `cmd:"" help:"Print the public halves (JWK Set), as the server publishes them."`
}

const (
	editPatience = 10 * time.Second   // to wait for another command that changes the file
	accessLife   = 7 * 24 * time.Hour // the longest that an access token lives
	publicCache  = 5 * time.Minute    // that the published keys may be cached
)

// keysFile is the file that the commands work on.
func (c *Config) keysFile() (string, error) {
	if c.Keys == nil || *c.Keys == "" {
		return "", configError("no file: set --keys/REFRESH_KEYS")
	}
	return *c.Keys, nil
}

// editKeys changes the file, and returns what it holds then.
func (c *Config) editKeys(ctx context.Context, change keys.Change) (changed *jwk.Set, err error) {
	path, err := c.keysFile()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, editPatience)
	defer cancel()
	err = keys.Edit(ctx, path, c.AllowWeakSecret, func(set *jwk.Set) (_ *jwk.Set, err error) {
		changed, err = change(set)
		return changed, err
	})
	if err != nil {
		return nil, fmt.Errorf("change the keys in %s: %w", path, err)
	}
	return changed, nil
}

func (c *Config) loadKeys() (*jwk.Set, error) {
	path, err := c.keysFile()
	if err != nil {
		return nil, err
	}
	set, err := keys.Load(path, c.AllowWeakSecret)
	if err != nil {
		return nil, fmt.Errorf("read the keys in %s: %w", path, err)
	}
	return set, nil
}

type keysNewCmd struct {
	Alg          string  `enum:"HS256,HS384,HS512,RS256,RS384,RS512,PS256,ES256,ES384,EdDSA" default:"EdDSA" placeholder:"ALG" help:"The one algorithm of the key: ${enum} (default ${default})."`
	ID           *string `name:"id" placeholder:"ID" help:"Its ID (default: the date and some letters). An empty one marks the key for tokens that name no key."`
	ImportSecret string  `placeholder:"PATH" help:"Take the secret in this file, raw bytes without one newline at the end, in place of a new one. For HS256, HS384 and HS512."`
}

// Run prints the ID alone, so that it can be used in a script.
func (cmd keysNewCmd) Run(ctx context.Context, p *program, c *Config) error {
	key, err := cmd.key(c, p.now())
	if err != nil {
		return err
	}
	if _, err := c.editKeys(ctx, func(set *jwk.Set) (*jwk.Set, error) { return keys.Add(set, key) }); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, key.ID())
	return err
}

func (cmd keysNewCmd) key(c *Config, now time.Time) (*jwk.Key, error) {
	id := newKeyID(now)
	if cmd.ID != nil {
		id = *cmd.ID
	}
	if cmd.ImportSecret == "" {
		return jwk.GenerateKey(cmd.Alg, id)
	}
	secret, err := readSecret(cmd.ImportSecret)
	if err != nil {
		return nil, configError("--import-secret: " + err.Error())
	}
	key, err := jwk.NewKey(jwk.Spec{ID: id, Algorithm: cmd.Alg, Material: secret, AllowWeak: c.AllowWeakSecret})
	if err != nil {
		return nil, configError("--import-secret: " + err.Error())
	}
	return key, nil
}

// newKeyID tells people when the key was made.
func newKeyID(now time.Time) string {
	return now.UTC().Format("20060102") + "-" + strings.ToLower(rand.Text()[:6])
}

type keysRotateCmd struct {
	Alg   string    `enum:",HS256,HS384,HS512,RS256,RS384,RS512,PS256,ES256,ES384,EdDSA" default:"" placeholder:"ALG" help:"The algorithm of the new key (default: that of the key that signs)."`
	ID    string    `name:"id" placeholder:"ID" help:"The ID of the new key (default: the date and some letters)."`
	Delay lifetime  `default:"1h" placeholder:"DURATION" help:"How long the new key is published before it signs: until every server has the file, and everybody who caches the public keys has asked again (default 1h)."`
	Keep  *lifetime `placeholder:"DURATION" help:"How long the old key verifies after that: as long as a token that it signed may live (default: --max-lifetime, at least 7d). 0s, with --delay=0s, for a key that has leaked."`
}

// Run prints the new ID alone on standard output, and what happens when on standard error.
func (cmd keysRotateCmd) Run(ctx context.Context, p *program, c *Config) error {
	now := p.now()
	keep := max(time.Duration(c.MaxLifetime), accessLife)
	if cmd.Keep != nil {
		keep = time.Duration(*cmd.Keep)
	}
	var made *jwk.Key
	rotated, err := c.editKeys(ctx, func(set *jwk.Set) (_ *jwk.Set, err error) {
		if made, err = cmd.key(set, now); err != nil {
			return nil, err
		}
		return keys.Rotation{Key: made, Delay: time.Duration(cmd.Delay), Keep: keep}.Rotate(set, now)
	})
	if err != nil {
		return err
	}
	if time.Duration(cmd.Delay) < publicCache && keep > 0 {
		fmt.Fprintf(p.stderr, "The public keys may be cached for %s: until then others may refuse tokens of the new key.\n", span(publicCache))
	}
	if err := showKeys(p.stderr, rotated, now); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, made.ID())
	return err
}

func (cmd keysRotateCmd) key(set *jwk.Set, now time.Time) (*jwk.Key, error) {
	alg, id := cmd.Alg, cmd.ID
	if id == "" {
		id = newKeyID(now)
	}
	if alg == "" && set != nil && set.Active(now) != nil {
		alg = set.Active(now).Algorithm()
	}
	if alg == "" {
		return jwk.GenerateKey("EdDSA", id) // Rotate says what is wrong
	}
	return jwk.GenerateKey(alg, id)
}

type keysRemoveCmd struct {
	ID string `name:"id" required:"" placeholder:"ID" help:"The key's ID, as keys list shows it."`
}

// Run says on standard error what is left.
func (cmd keysRemoveCmd) Run(ctx context.Context, p *program, c *Config) error {
	now := p.now()
	left, err := c.editKeys(ctx, func(set *jwk.Set) (*jwk.Set, error) { return keys.Remove(set, cmd.ID, now) })
	if err != nil {
		return err
	}
	return showKeys(p.stderr, left, now)
}

type keysListCmd struct{}

func (keysListCmd) Run(p *program, c *Config) error {
	set, err := c.loadKeys()
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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", id, k.Algorithm(), keyState(set, k, now), from, moment(k.Expires(), "removed"))
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
	return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

type keysPublicCmd struct{}

func (keysPublicCmd) Run(p *program, c *Config) error {
	set, err := c.loadKeys()
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
