package store

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// beatEvery is how often the connection that waits for notifications asks the server whether it
	// is still there, and still the primary.
	beatEvery = 250 * time.Millisecond
	// beatLimit is how long the server may take to answer that.
	beatLimit = time.Second
	// headEvery is how often the head of the feed is read where no notifications arrive.
	headEvery = 50 * time.Millisecond
	// echoLimit is how long a notification to oneself may take.
	echoLimit = time.Second
)

// watcher is the connection that waits for notifications. It also notices first if the server stops
// answering or is no longer the primary.
type watcher struct {
	*pgx.Conn
	engine *postgresEngine
	opened epoch
	heard  chan string // the notifications that were not looked at
	head   int64
}

func (e *postgresEngine) watch(ctx context.Context, wake func()) error {
	w, err := e.newWatcher(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close(context.WithoutCancel(ctx)) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.opened, cancel)()
	listens, err := w.listens(ctx)
	if err != nil {
		return err
	}
	every := headEvery
	if listens {
		every = beatEvery
	}
	for wake(); ; {
		notified, err := w.wait(ctx, every)
		if err == nil && !notified {
			notified, err = w.beat(ctx)
		}
		if err != nil {
			if ctx.Err() == nil {
				e.connector.dropLike(w.Conn)
			}
			return err
		}
		if notified {
			wake()
		}
	}
}

func (e *postgresEngine) newWatcher(ctx context.Context) (*watcher, error) {
	w := &watcher{engine: e, opened: e.connector.current(), heard: make(chan string, 16)}
	config := e.connector.config.ConnConfig.Copy()
	if err := e.connector.prepareDial(ctx, config); err != nil {
		return nil, err
	}
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) {
		select {
		case w.heard <- n.Payload:
		default:
		}
	}
	var err error
	w.Conn, err = pgx.ConnectConfig(ctx, config)
	return w, err
}

// listens makes the server send notifications and reports whether they arrive. A pooler may give
// the connection of the server that listens to another client: then a notification that this
// process sends to itself does not arrive, and the head of the feed is read often instead.
func (w *watcher) listens(ctx context.Context) (bool, error) {
	if _, err := w.Exec(ctx, "LISTEN "+channel); err != nil {
		return false, err
	}
	if !w.engine.connector.pooled.Load() {
		return true, nil
	}
	echo := rand.Text()
	if err := w.engine.read(ctx, exec("SELECT pg_notify($1, $2)", channel, echo)); err != nil {
		return false, err
	}
	for range echoLimit / headEvery {
		if _, err := w.wait(ctx, headEvery); err != nil {
			return false, err
		}
		for len(w.heard) > 0 {
			if <-w.heard == echo {
				return true, nil
			}
		}
	}
	_, err := w.Exec(ctx, "UNLISTEN "+channel)
	return false, err
}

// wait waits for a notification, and returns false if none arrives in time.
func (w *watcher) wait(ctx context.Context, limit time.Duration) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := w.PgConn().WaitForNotification(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil && !w.IsClosed() {
		return false, nil
	}
	return err == nil, err
}

// beat reads the head of the feed, and reports whether it has grown. It returns an error if the
// server does not answer or is read-only: then the next connections try other hosts first.
func (w *watcher) beat(ctx context.Context) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, beatLimit)
	defer cancel()
	var head int64
	var readOnly string
	err := w.QueryRow(limited, selectHeadAndRole).Scan(&head, &readOnly)
	host, _ := w.PgConn().CustomData()[hostKey].(string)
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		w.engine.connector.hosts.bad(host)
		w.engine.connector.abandon()
		return false, errSilent
	case err != nil:
		return false, err
	case readOnly != "off":
		w.engine.connector.hosts.bad(host)
		return false, errors.New("the server has become read-only: it is not the primary")
	}
	grown := head != w.head
	w.head = head
	return grown, nil
}
