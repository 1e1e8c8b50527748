package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/service"
)

type keysCmd struct {
	New    keysNewCmd    `cmd:"" help:"Append a new key to the key file; print its ID."`
	List   keysListCmd   `cmd:"" help:"Show the keys in the file, without their secret parts."`
	Rotate keysRotateCmd `cmd:"" help:"Let a new key replace the key that signs; print its ID."`
	Remove keysRemoveCmd `cmd:"" help:"Remove a key: its tokens are rejected from then on."`
	Public keysPublicCmd `cmd:"" help:"Print the public keys (JWK Set) that the server publishes."`
}

const (
	algorithms       = "HS256,HS384,HS512,RS256,RS384,RS512,PS256,ES256,ES384,EdDSA"
	defaultAlgorithm = "EdDSA"

	editTimeout    = 10 * time.Second   // for another command that changes the file
	accessLifetime = 7 * 24 * time.Hour // the longest lifetime of an access token
	publicCache    = 5 * time.Minute    // for so long others may cache the published keys
)

// keyFile returns the file that the commands work on.
func keyFile(s *service.Settings) (string, error) {
	if s.Keys == "" {
		return "", usageError("no key file: set " + s.Name(&s.Keys))
	}
	return s.Keys, nil
}

// editKeys changes the file, and returns the keys that it then holds.
func editKeys(
	ctx context.Context, s *service.Settings, change keys.Change,
) (changed *jwk.Set, err error) {
	path, err := keyFile(s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, editTimeout)
	defer cancel()
	err = keys.Edit(ctx, path, s.AllowWeakSecret, func(set *jwk.Set) (_ *jwk.Set, err error) {
		changed, err = change(set)
		return changed, err
	})
	if err != nil {
		return nil, fmt.Errorf("change the keys in %s: %w", path, err)
	}
	return changed, nil
}

func loadKeys(s *service.Settings) (*jwk.Set, error) {
	path, err := keyFile(s)
	if err != nil {
		return nil, err
	}
	set, err := keys.Load(path, s.AllowWeakSecret)
	if err != nil {
		return nil, fmt.Errorf("read the keys in %s: %w", path, err)
	}
	return set, nil
}

type keysNewCmd struct {
	Alg          string  `enum:",${algorithms}" default:"" placeholder:"ALG" help:"The key's algorithm (default EdDSA; of an imported key the usual one)."`
	ID           *string `name:"id" placeholder:"ID" help:"The key's ID (default: the date and some letters)."`
	ImportSecret string  `placeholder:"PATH" help:"Use the secret in this file."`
	ImportPublic string  `placeholder:"PATH" help:"Use the public key in this PEM file. It verifies only."`
}

// Help adds details to the command's --help.
func (keysNewCmd) Help() string {
	return `The algorithms are ` + algorithms + `.

An empty --id marks the key for tokens that have no key ID. --import-secret is for HS256, HS384 and
HS512: the file holds raw bytes, and one newline at its end is left out. --import-public is for a
login that signs with a private key of its own: the file has the public half or a certificate. The
usual algorithms are HS256, RS256, ES256, ES384 and EdDSA.`
}

// Run prints the ID alone, so that it can be used in a script.
func (cmd keysNewCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	key, err := cmd.key(p, s)
	if err != nil {
		return err
	}
	add := func(set *jwk.Set) (*jwk.Set, error) { return keys.Add(set, key) }
	if _, err := editKeys(ctx, s, add); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, key.ID())
	return err
}

func (cmd keysNewCmd) key(p *program, s *service.Settings) (*jwk.Key, error) {
	id := newKeyID(p.now())
	if cmd.ID != nil {
		id = *cmd.ID
	}
	material, usual, err := cmd.imported(p)
	if err != nil {
		return nil, usageError(cmd.importFlag() + ": " + err.Error())
	}
	algorithm := cmp.Or(cmd.Alg, usual)
	if material == nil {
		return jwk.GenerateKey(algorithm, id)
	}
	key, err := jwk.NewKey(jwk.Spec{
		ID:        id,
		Algorithm: algorithm,
		Material:  material,
		AllowWeak: s.AllowWeakSecret,
	})
	if err != nil {
		return nil, usageError(cmd.importFlag() + ": " + err.Error())
	}
	return key, nil
}

// newKeyID returns an ID that shows the day on which the key was made.
func newKeyID(now time.Time) string {
	return now.UTC().Format("20060102") + "-" + strings.ToLower(rand.Text()[:6])
}

type keysRotateCmd struct {
	Alg   string            `enum:",${algorithms}" default:"" placeholder:"ALG" help:"The new key's algorithm (default: that of the old key)."`
	ID    string            `name:"id" placeholder:"ID" help:"The new key's ID (default: the date and some letters)."`
	Delay service.Duration  `default:"1h" placeholder:"DURATION" help:"The time until the new key signs (default 1h)."`
	Keep  *service.Duration `placeholder:"DURATION" help:"How long the old key verifies after that."`
}

// Help adds details to the command's --help.
func (keysRotateCmd) Help() string {
	return `The new key is published at once and signs after --delay. By then every server must have
the file, and every cache of the public keys must have been refreshed. --keep must
be at least the lifetime of the tokens that the old key signed. Its default is --max-lifetime, at
least 7d. If a key has leaked, use --delay=0s --keep=0s.`
}

// Run prints the new ID alone on standard output, and the times of all keys on standard error.
func (cmd keysRotateCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	now := p.now()
	keep := max(time.Duration(s.MaxLifetime), accessLifetime)
	if cmd.Keep != nil {
		keep = time.Duration(*cmd.Keep)
	}
	id := cmp.Or(cmd.ID, newKeyID(now))
	var made *jwk.Key
	changed, err := editKeys(ctx, s, func(set *jwk.Set) (_ *jwk.Set, err error) {
		alg := cmd.Alg
		if alg == "" && set != nil && set.Active(now) != nil {
			alg = set.Active(now).Algorithm()
		}
		if made, err = jwk.GenerateKey(cmp.Or(alg, defaultAlgorithm), id); err != nil {
			return nil, err
		}
		return keys.Rollover{Key: made, Delay: time.Duration(cmd.Delay), Keep: keep}.Apply(set, now)
	})
	if err != nil {
		return err
	}
	if time.Duration(cmd.Delay) < publicCache && keep > 0 {
		fmt.Fprintf(p.stderr, "Others may cache the public keys for %s: "+
			"until then they may reject tokens of the new key.\n", span(publicCache))
	}
	if err := showKeys(p.stderr, changed, now); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, made.ID())
	return err
}

type keysRemoveCmd struct {
	ID string `name:"id" required:"" placeholder:"ID" help:"The key's ID, as keys list shows it."`
}

// Run shows the remaining keys on standard error.
func (cmd keysRemoveCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	now := p.now()
	left, err := editKeys(ctx, s, func(set *jwk.Set) (*jwk.Set, error) {
		return keys.Remove(set, cmd.ID, now)
	})
	if err != nil {
		return err
	}
	return showKeys(p.stderr, left, now)
}
