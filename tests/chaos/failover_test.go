//go:build linux

package chaos

import (
	"net/http"
	"sync"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// TestDeposedPrimary: the standby takes over while the nodes' connections still lead to the old
// primary, which is read-only. A session that is revoked at the new primary is rejected everywhere,
// on routes with an access token too, and the nodes find the new primary.
func TestDeposedPrimary(t *testing.T) {
	t.Parallel()
	for range server.Rounds(1, 100) {
		c := startCluster(t)
		servers := startAll(t, c.url, 2)
		token, admin := newToken(), adminOf("chief@example.com")
		for _, s := range servers {
			wantsStatus(t, "refresh before the failover", s.refresh(token), http.StatusOK)
			wantsStatus(t, "list before the failover", s.revocations(admin), http.StatusOK)
		}
		c.set(t, "default_transaction_read_only", "on")
		c.promote(t)
		c.mustCommand(t, token, "revoke", "--token=-")
		c.mustCommand(t, "", "revoke", "--identity=chief@example.com")
		for _, s := range servers {
			await(t, "a server that has found the new primary", s, func() bool {
				listed, refreshed := s.revocations(admin), s.refresh(token)
				wantsRefusal(t, "list with an access token of a revoked identity", listed)
				wantsRefusal(t, "refresh of a revoked session", refreshed)
				return t.Failed() || s.ready().status == http.StatusOK &&
					refreshed.status == http.StatusUnprocessableEntity
			})
			if t.Failed() {
				return
			}
			wantsInTheEnd(t, "refresh after the failover", s,
				func() answer { return s.refresh(newToken()) }, http.StatusOK)
		}
		mustRevoke(t, servers[0], newToken())
		c.stop(t, servers)
	}
}

// TestStandbyGone: while the synchronous standby is gone no revoke is acknowledged, however often a
// client asks, and no node answers from memory or from the store once its lease is over.
func TestStandbyGone(t *testing.T) {
	t.Parallel()
	for range server.Rounds(1, 100) {
		c := startCluster(t)
		servers := startAll(t, c.url, 2)
		token := newToken()
		c.standby.Stop()
		wantsAway(t, "the first revoke", servers[0].revoke(token))
		var again sync.WaitGroup
		for _, s := range servers {
			again.Go(func() { wantsAway(t, "another revoke of the same session", s.revoke(token)) })
		}
		again.Go(func() {
			if c.command(t, token, "revoke", "--token=-") == nil {
				t.Error("refreshd revoke reports success")
			}
		})
		again.Wait()
		for _, s := range servers {
			wantsAway(t, "refresh without a lease", s.refresh(newToken()))
		}
		if t.Failed() {
			return
		}
		c.resumeStandby(t)
		mustRevoke(t, servers[0], token)
		for _, s := range servers {
			wantsRefusal(t, "refresh of a revoked session", s.refresh(token))
		}
		c.stop(t, servers)
	}
}

// TestCancelledWait: a commit whose wait for the standby was cancelled acknowledges nothing: no
// revoke, no lease and no rotation. Defaults of the database do not hide the warning. Changes that
// were acknowledged before outlive the failover.
func TestCancelledWait(t *testing.T) {
	t.Parallel()
	for range server.Rounds(1, 100) {
		c := startCluster(t)
		hide := "ALTER DATABASE " + c.database + " SET client_min_messages = error"
		if err := c.primary.Exec(hide); err != nil {
			t.Fatal(err)
		}
		servers := startAll(t, c.url, 2)
		rotating := &node{shared.Start(t, "--rotation", "--store="+c.url)}
		awaitReady(t, rotating)
		before, token, rotated := newToken(), newToken(), newToken()
		mustRevoke(t, servers[0], before)
		c.standby.Stop()
		resume := c.cancelWaits(t)
		for range 3 {
			wantsAway(t, "rotation", rotating.refresh(rotated))
		}
		for _, s := range servers {
			wantsAway(t, "revoke", s.revoke(token))
			await(t, "the end of the lease", s, func() bool { return s.ready().status != http.StatusOK })
			wantsAway(t, "refresh without a lease", s.refresh(newToken()))
		}
		resume()
		if t.Failed() {
			return
		}
		c.takeOver(t)
		servers = append(servers, rotating)
		for _, s := range servers {
			awaitReady(t, s)
			wantsInTheEnd(t, "refresh of what was revoked before", s,
				func() answer { return s.refresh(before) }, http.StatusUnprocessableEntity)
		}
		wantsInTheEnd(t, "rotation after the failover", rotating,
			func() answer { return rotating.refresh(rotated) }, http.StatusOK)
		c.stop(t, servers)
	}
}

// TestForkedFeed: a node reads revocations that the primary committed without its standby. The
// standby takes over without them and gives their places in the feed to others. The node learns
// those too.
func TestForkedFeed(t *testing.T) {
	t.Parallel()
	for range server.Rounds(1, 100) {
		c := startCluster(t)
		s := start(t, c.url)
		c.standby.Stop()
		resume := c.cancelWaits(t)
		var lost sync.WaitGroup
		for range 2 {
			lost.Go(func() { wantsAway(t, "revoke without the standby", s.revoke(newToken())) })
		}
		lost.Wait()
		await(t, "a node that has read them, or that believes the primary no more", s, func() bool {
			return s.metric(t, "refreshd_revocations") > 0 || s.ready().status != http.StatusOK
		})
		s.Freeze()
		resume()
		c.takeOver(t)
		other := start(t, c.url)
		tokens := []string{newToken(), newToken(), newToken(), newToken()}
		var revokes sync.WaitGroup
		for _, token := range tokens {
			revokes.Go(func() { mustRevoke(t, other, token) })
		}
		c.await(t, c.standby, "SELECT head >= 4 FROM refresh_feed")
		s.Thaw()
		revokes.Wait()
		awaitReady(t, s)
		for _, token := range tokens {
			wantsInTheEnd(t, "refresh of a revoked session", s,
				func() answer { return s.refresh(token) }, http.StatusUnprocessableEntity)
		}
		if t.Failed() {
			return
		}
		c.stop(t, []*node{s, other})
	}
}

// TestSynchronousCommitLowered: connections go on to wait for the standby when the server's setting
// no longer asks for it.
func TestSynchronousCommitLowered(t *testing.T) {
	t.Parallel()
	for range server.Rounds(1, 100) {
		c := startCluster(t)
		s := start(t, c.url)
		token := newToken()
		c.standby.Stop()
		c.set(t, "synchronous_commit", "local")
		wantsAway(t, "revoke", s.revoke(token))
		if t.Failed() {
			return
		}
		c.set(t, "synchronous_commit", "on")
		c.resumeStandby(t)
		mustRevoke(t, s, token)
		c.stop(t, []*node{s})
	}
}
