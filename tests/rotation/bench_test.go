//go:build linux

package rotation

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"testing"
	"time"

	wiring "kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

// bench is a server whose clock the test moves, over HTTP, and its store from behind.
type bench struct {
	url        string
	now        time.Time
	db         *sql.DB
	log, audit server.Log
}

func newBench(t *testing.T, url string) *bench {
	t.Helper()
	b := &bench{now: time.Now()}
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	now := func() time.Time { return b.now }
	settings := &wiring.Settings{
		Secret:         server.Secret,
		Store:          url,
		Rotation:       true,
		RotationWindow: wiring.Duration(window),
	}
	db, err := settings.OpenStore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // the test's results are judged through b.db
	keys, err := settings.OpenKeys(now, log)
	if err != nil {
		t.Fatal(err)
	}
	wired, err := wiring.New(wiring.Config{
		Settings: settings,
		Keys:     keys,
		Store:    db,
		Log:      log,
		Audit:    &b.audit,
		Now:      now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		wired.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	b.url, b.db = server.Serve(t, wired.Public).String(), openRaw(t, url)
	return b
}

func openRaw(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(4000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // it was only a way to the data
	return db
}
