package store

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

// revoking is a call of Revoke.
type revoking struct{ want, inForce revocation.Revocation }

// errRevokedMeanwhile means that a program of an older version committed the same revocation in
// between: it does not lock the feed first.
var errRevokedMeanwhile = errors.New("the revocation was made meanwhile")

// shared is one revocation, and the calls that ask for it.
type shared struct {
	id      string
	at      int // the position of the first of the calls
	want    revocation.Revocation
	calls   []*job[*revoking]
	inForce *revocation.Revocation
}

// commitRevocations commits a batch in one transaction.
func (s *Store) commitRevocations(
	ctx context.Context, batch []*job[*revoking],
) (culprit int, err error) {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	rounds, culprit := rounds(batch), -1
	err = s.engine.transact(limited, revocations, func(ctx context.Context, h handle) (err error) {
		culprit, err = s.revokeAll(ctx, h, rounds)
		return err
	})
	if err == nil {
		err = s.own.checkFile()
	}
	if err != nil {
		return culprit, err
	}
	for _, round := range rounds {
		for _, s := range round {
			s.answer()
		}
	}
	return -1, nil
}

// revokeAll runs the statements of a batch. It locks the feed before it looks at any revocation. If
// a statement fails, it returns the position in the batch of the call that failed, or -1.
func (s *Store) revokeAll(
	ctx context.Context, h handle, rounds [][]*shared,
) (culprit int, err error) {
	before, err := s.lockFeed(ctx, h)
	if err != nil {
		return -1, err
	}
	head := before
	for _, round := range rounds {
		if culprit, err := revokeRound(ctx, h, round, &head); err != nil {
			return culprit, err
		}
	}
	return -1, s.moveFeed(ctx, h, before, head)
}

// lockFeed locks the feed until the commit and returns its head. It fails if the store is not the
// one that was opened.
func (s *Store) lockFeed(ctx context.Context, h handle) (head int64, err error) {
	var identity string
	if err := h.run(ctx, one([]any{&head, &identity}, lockHead)); err != nil {
		return 0, err
	}
	return head, s.own.compare(identity)
}

// moveFeed moves the head of the feed, which is locked, and announces it.
func (s *Store) moveFeed(ctx context.Context, h handle, before, head int64) error {
	if head == before {
		return nil
	}
	end := []*statement{exec(moveHead, head)}
	if announce := s.engine.announce(); announce != nil {
		end = append(end, announce)
	}
	return h.run(ctx, end...)
}

// rounds returns the revocations of a batch. Calls that ask for the same share one. A round has at
// most one revocation with an ID, and is in the order of the IDs.
func rounds(batch []*job[*revoking]) [][]*shared {
	type wish struct {
		id       string
		kept, at int64
		oneToken bool
	}
	var all [][]*shared
	same, round := map[wish]*shared{}, map[string]int{}
	for i, j := range batch {
		r := j.change.want
		w := wish{id: rowID(r.Kind, r.Key()), kept: r.KeptUntil, oneToken: r.OneToken}
		if r.Kind == revocation.OfIdentity {
			w.at = r.RevokedAt // a session keeps the time at which it was revoked first
		}
		if s := same[w]; s != nil {
			s.calls = append(s.calls, j)
			continue
		}
		s := &shared{id: w.id, at: i, want: r, calls: []*job[*revoking]{j}}
		same[w] = s
		n := round[w.id]
		round[w.id]++
		if n == len(all) {
			all = append(all, nil)
		}
		all[n] = append(all[n], s)
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b *shared) int { return cmp.Compare(a.id, b.id) })
	}
	return all
}

// revokeRound runs the statements of a round. If one fails, it returns the position in the batch of
// the call that failed. The steps are sent together for all revocations of the round.
func revokeRound(
	ctx context.Context, h handle, round []*shared, head *int64,
) (culprit int, err error) {
	lifetimes := make([]storedLifetimes, len(round))
	step := make([]*statement, len(round))
	for i, s := range round {
		step[i] = lifetimes[i].read(s.want)
	}
	if err := h.run(ctx, step...); err != nil {
		return positionOf(err, round), err
	}
	for i, s := range round {
		s.want.KeptUntil = session.KeptUntil(s.want, lifetimes[i].lifetimes())
		s.want.OneToken = false
		step[i] = s.reads(confirmSession, s.id, s.want.KeptUntil)
		if s.want.Kind == revocation.OfIdentity {
			step[i] = s.reads(confirmCutoff, s.id, s.want.RevokedAt)
		}
	}
	if err := h.run(ctx, step...); err != nil {
		return positionOf(err, round), err
	}
	round = slices.DeleteFunc(slices.Clone(round), func(s *shared) bool { return s.inForce != nil })
	for i, s := range round {
		*head++
		insert := insertSession
		if s.want.Kind == revocation.OfIdentity {
			insert = insertCutoff
		}
		step[i] = s.reads(insert, s.id, *head, s.want.Identity, s.want.Reason, s.want.Actor,
			s.want.RevokedAt, s.want.KeptUntil)
	}
	if err := h.run(ctx, step[:len(round)]...); err != nil {
		return positionOf(err, round), err
	}
	return -1, nil
}

// reads returns a statement that sets inForce if it returns a row.
func (s *shared) reads(text string, args ...any) *statement {
	return &statement{text: text, args: args, each: func(r row) error {
		inForce, err := scanRevocation(r)
		s.inForce = &inForce
		return err
	}}
}

// answer gives the calls their result.
func (s *shared) answer() {
	for _, j := range s.calls {
		if s.inForce == nil {
			j.err = errRevokedMeanwhile
			continue
		}
		j.change.inForce = *s.inForce
	}
}

// positionOf returns the position in the batch of the call whose statement failed.
func positionOf(err error, round []*shared) int {
	if f, ok := errors.AsType[*failure](err); ok && f.at < len(round) {
		return round[f.at].at
	}
	return -1
}

// storedLifetimes is a row of selectLifetimes.
type storedLifetimes struct {
	longest, rotation int64
	kept              *int64
}

// read returns a statement that reads the limits of the lifetimes of a session's tokens.
func (l *storedLifetimes) read(r revocation.Revocation) *statement {
	return one([]any{&l.longest, &l.rotation, &l.kept}, selectLifetimes, r.Session.String())
}

func (l *storedLifetimes) lifetimes() session.Lifetimes {
	s := session.Lifetimes{Max: l.longest, Rotation: l.rotation != 0}
	if l.kept != nil {
		s.RowKeptUntil = *l.kept
	}
	return s
}
