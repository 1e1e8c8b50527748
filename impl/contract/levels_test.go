package contract_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

// TestLevels runs each level against a server that promises everything.
func TestLevels(t *testing.T) {
	kept := map[contract.Level]int{}
	for _, level := range []contract.Level{contract.LevelPage, contract.LevelFull,
		contract.LevelExact} {
		target := configurations()[0].target(t)
		target.Level = level
		report := suite(t).Quick().Run(t.Context(), target)
		show(t, report)
		kept[level], _, _ = report.Counts()
	}
	page, full, exact := kept[contract.LevelPage], kept[contract.LevelFull], kept[contract.LevelExact]
	if page < 8 || full < 10*page || exact < full+20 {
		t.Errorf("cases judged: %v", kept)
	}
}

// TestOnly runs the cases of single operations.
func TestOnly(t *testing.T) {
	only, err := suite(t).Only("revokeToken", "getJwks")
	if err != nil {
		t.Fatal(err)
	}
	report := only.Quick().Run(t.Context(), configurations()[0].target(t))
	show(t, report)
	for _, result := range report.Results {
		if !strings.HasPrefix(result.Name, "revokeToken/") &&
			!strings.HasPrefix(result.Name, "getJwks/") {
			t.Errorf("%s is of another operation", result.Name)
		}
	}
	for _, covered := range report.Coverage {
		if covered.Operation != "revokeToken" && covered.Operation != "getJwks" {
			t.Errorf("%s %d is of another operation", covered.Operation, covered.Status)
		}
	}
	if len(report.Results) < 50 || len(report.Coverage) < 5 {
		t.Errorf("%d cases, %d statuses", len(report.Results), len(report.Coverage))
	}
	_, err = suite(t).Only("refresh")
	if err == nil || !strings.Contains(err.Error(), "refreshToken, revokeToken") {
		t.Errorf("an unknown operation: %v", err)
	}
}

// TestAgainAndTogether runs the suite again on the same store a minute later, and then four times at
// once: no run may depend on the sessions or the timing of another run.
func TestAgainAndTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "refresh.db")
	target := contract.Target{
		URL: server.InProcess(
			t,
			server.Options{Settings: service.Settings{Store: "sqlite:" + path}},
		),
		Secret: []byte(server.Secret),
		Level:  contract.LevelExact,
	}
	show(t, suite(t).Run(t.Context(), target))
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// A minute passes for all that the first run left.
	_, err = db.ExecContext(
		t.Context(),
		"UPDATE refresh_revocations SET revoked_at = revoked_at - 61000",
	)
	if err != nil {
		t.Fatal(err)
	}
	show(t, suite(t).Run(t.Context(), target))
	var group sync.WaitGroup
	reports := make([]*contract.Report, 4)
	for i := range reports {
		group.Go(func() { reports[i] = suite(t).Run(t.Context(), target) })
	}
	group.Wait()
	for _, report := range reports {
		show(t, report)
	}
	// The cases revoke by the IDs and identities that they made up, and nothing of a user.
	var all, strange int
	const query = "SELECT count(*), sum(identity <> '' AND identity NOT LIKE 'contract.kit+%') " +
		"FROM refresh_revocations"
	if err := db.QueryRowContext(t.Context(), query).Scan(&all, &strange); err != nil {
		t.Fatal(err)
	}
	if all == 0 || strange > 0 {
		t.Errorf("%d of %d revocations are of identities that no case made up", strange, all)
	}
}
