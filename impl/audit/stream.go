package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"
)

// version is the number of the schema. A line that begins with it belongs to the stream, whatever
// the format of the log is that it stands in.
const version = 1

// Config holds the parts of a Stream. All fields but Count are required.
type Config struct {
	// Out receives each line in one call of Write.
	Out io.Writer
	// Node returns the ID of this process.
	Node func() string
	Now  func() time.Time
	// Request returns the request that a context belongs to, if there is one.
	Request func(context.Context) Request
	// Count, if set, is called for each event, also for those whose lines are left out.
	Count func(name, cause string)
}

// Stream writes events. It is safe for concurrent use.
type Stream struct {
	c Config

	bounds     bounds
	writing    sync.Mutex
	unfinished sync.WaitGroup // events that are being completed
}

// New returns a Stream.
func New(c Config) *Stream { return &Stream{c: c} }

// completeLimit bounds how long a line waits for the store.
const completeLimit = time.Second

// Record counts the event and writes its line, unless there were too many of the same kind in this
// second.
func (s *Stream) Record(ctx context.Context, e Event) {
	if s.c.Count != nil {
		s.c.Count(e.Name, e.Cause)
	}
	now := s.c.Now()
	write, leftOut := s.bounds.next(e, now)
	if !write {
		return
	}
	request := s.c.Request(ctx)
	if e.Complete == nil {
		s.write(now, e, request, leftOut)
		return
	}
	s.unfinished.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeLimit)
		defer cancel()
		e.Complete(ctx, &e)
		s.write(now, e, request, leftOut)
	})
}

// Wait returns when no line is being completed.
func (s *Stream) Wait() { s.unfinished.Wait() }

func (s *Stream) write(now time.Time, e Event, r Request, leftOut int) {
	l := line{
		Version:   version,
		Time:      now.UTC().Format("2006-01-02T15:04:05.000Z"),
		Event:     e.Name,
		Cause:     e.Cause,
		Session:   e.Session,
		Identity:  e.Identity,
		Actor:     e.Actor,
		Reason:    e.Reason,
		Detail:    e.Detail,
		Client:    r.Client,
		RequestID: r.ID,
		TraceID:   r.Trace,
		Node:      s.c.Node(),
		LeftOut:   leftOut,
	}
	if e.HasGeneration {
		l.Generation = &e.Generation
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(l) != nil {
		return // a struct of texts and numbers can always be encoded
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, _ = s.c.Out.Write(text.Bytes()) // as for the log, there is no other place to report it
}
