package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kalsel.dev/refresh/tests/server"
)

// patience is how long a test waits for something that must happen; it decides nothing but when to give up.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"refreshd": main, "refreshd-shifted": shifted})
}

// TestScript drives the real program by the scripts in testdata/script. With UPDATE_SCRIPTS=1 it writes what the program
// said into those scripts that compare it. Beside testscript's own commands they have:
//
//	start ARGS...          start refreshd and wait until it listens; sets $ADDR, $OPS and, with a development key, $CURL
//	signal TERM|INT|HUP    send the started refreshd a signal
//	logged REGEXP          wait until the started refreshd has logged it
//	ended STATUS           wait until it has ended, with this exit status or signal; its output is in server.out and server.err
//	status N CMD ARGS...   run a command that must end with exit status N
//	http STATUS METHOD URL [FILE]   send a request, with FILE as JSON body; the answer's body is then stdout
//	paste                  do what $CURL says, without a shell; expect 200
//	hold NAME, release NAME STATUS  begin a request whose body is still to come; send the body and expect STATUS
//	refused                wait until the server takes no more connections
//	drip nothing|header|body...  send requests that never end; expect that the server hangs up
//	body TOKEN FILE        write a request body with the token in the file TOKEN
//	load NAME FILE         set a variable to what a file holds
//	write FILE TEXT        write TEXT, without a newline
func TestScript(t *testing.T) {
	testscript.Run(t, scripts("testdata/script"))
}

func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": start, "signal": sendSignal, "logged": logged, "ended": ended, "status": status,
			"http": request, "paste": paste, "hold": hold, "ready": ready, "release": release, "refused": refused, "drip": drip,
			"body": body, "load": load, "write": write,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[serverKey{}] = new(current)
			env.Setenv("SECRET", testSecret)
			env.Setenv("NEWLINE", "\n")
			env.Setenv("OTHER", strings.ToUpper(testSecret))
			env.Setenv("COLUMNS", "120")
			return nil
		},
	}
}

const testSecret = "a test secret that has 32 bytes."

type serverKey struct{}

// process is the refreshd that a script has started.
type process struct {
	*server.Process
	out  server.Log // standard output; Process.Log is standard error
	held map[string]*heldRequest
}

// current is the process that a script's commands speak of.
type current struct{ *process }

func running(ts *testscript.TestScript) *process { return ts.Value(serverKey{}).(*current).process }

var curl = regexp.MustCompile(`(?m)^ *(curl .*)$`)

func start(ts *testscript.TestScript, _ bool, args []string) {
	p := &process{held: map[string]*heldRequest{}}
	ts.Value(serverKey{}).(*current).process = p
	path, err := exec.LookPath("refreshd")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout = ts.MkAbs("."), scriptEnv(ts), &p.out
	p.Process, err = server.Launch(cmd, syscall.SIGKILL)
	ts.Check(err)
	ts.Defer(p.Kill)
	var public, operations string
	waitFor(ts, "refreshd to listen", p, func() bool {
		public, operations = p.Log.Addresses()
		return public != ""
	})
	ts.Setenv("ADDR", public)
	ts.Setenv("OPS", operations)
	if p.Log.Contains("development key") {
		waitFor(ts, "the curl line", p, func() bool { return curl.MatchString(p.out.String()) })
		ts.Setenv("CURL", curl.FindStringSubmatch(p.out.String())[1])
	}
}

// scriptEnv is the script's environment for a process of our own: only what refreshd reads.
func scriptEnv(ts *testscript.TestScript) []string {
	env := []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME")}
	for _, name := range []string{
		"REFRESH_LISTEN", "REFRESH_OPS_LISTEN", "REFRESH_SECRET", "REFRESH_SECRET_FILE", "REFRESH_LOG_FORMAT", "REFRESH_LOG_LEVEL",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func waitFor(ts *testscript.TestScript, what string, p *process, happened func() bool) {
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.Done:
			ts.Fatalf("waiting for %s: refreshd ended: %v\n%s%s", what, p.State, p.out.String(), p.Log.String())
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waiting for %s: gave up\n%s%s", what, p.out.String(), p.Log.String())
		}
	}
}

func sendSignal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP}
	running(ts).Send(signals[args[0]])
}

func logged(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	waitFor(ts, "a log line "+args[0], running(ts), func() bool { return pattern.MatchString(running(ts).Log.String()) })
}

func ended(ts *testscript.TestScript, _ bool, args []string) {
	p := running(ts)
	select {
	case <-p.Done:
	case <-time.After(patience):
		ts.Fatalf("refreshd has not ended")
	}
	ts.Check(os.WriteFile(ts.MkAbs("server.out"), []byte(p.out.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("server.err"), []byte(p.Log.String()), 0o600))
	if got := strings.TrimPrefix(p.State.String(), "exit status "); got != strings.Join(args, " ") {
		ts.Fatalf("refreshd ended with %s, want %s\n%s", got, strings.Join(args, " "), p.Log.String())
	}
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // testscript returns it bare
		got = fmt.Sprint(exit.ExitCode())
	} else {
		ts.Check(err)
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

func body(ts *testscript.TestScript, _ bool, args []string) {
	text := fmt.Sprintf(`{"refresh_token":%q,"limit":10}`, strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

func load(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

func write(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]), 0o600))
}
