//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"kalsel.dev/refresh/impl/store"
)

// revoked is refreshd with a store full of revocations.
const revoked = "revoked"

// cutoffEvery is how many revocations there are to one sign-out of an identity: with none at all a refresh would not look for one.
const cutoffEvery = 100

// revokedScenario is s with a store of its own, of count revocations that concern nobody who refreshes.
func revokedScenario(ctx context.Context, s scenario, scratch string, count int) (scenario, error) {
	path := filepath.Join(scratch, "revoked.db")
	fmt.Fprintf(os.Stderr, "%s: filling the store\n", revoked)
	if err := fillRevocations(ctx, path, count); err != nil {
		return s, err
	}
	operations, err := freeAddress()
	if err != nil {
		return s, err
	}
	plain := s.env
	s.name, s.ready = revoked, "http://"+operations+"/readyz"
	s.env = func(listen string) []string {
		return append(plain(listen), "REFRESH_STORE=sqlite:"+path, "REFRESH_OPS_LISTEN="+operations)
	}
	return s, nil
}

func fillRevocations(ctx context.Context, path string, count int) error {
	s, err := store.Open(ctx, "sqlite:"+path) // makes the schema
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing is left of it after the commit
	insert, err := tx.PrepareContext(ctx, `INSERT INTO refresh_revocations (id, seq, identity, reason, revoked_at, kept_until) VALUES (?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	now := time.Now()
	for n := range count {
		if _, err := insert.ExecContext(ctx, revocationID(n), n+1, "", "bench", now.UnixMilli(), now.Add(240*time.Hour).UnixMilli()); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE refresh_feed SET head = ?", count); err != nil {
		return err
	}
	return tx.Commit()
}

// revocationID is a row's ID, as refreshd would have written it: s for a session, i for an identity.
func revocationID(n int) string {
	sum := sha256.Sum256(strconv.AppendInt([]byte("bench"), int64(n), 10))
	if n%cutoffEvery == 0 {
		return "i" + hex.EncodeToString(sum[:])
	}
	return "s" + hex.EncodeToString(sum[:])
}

// awaitReady waits until the server answers from memory: before, it asks its store.
func (p *process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.scenario.ready, http.NoBody)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("is not ready: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
