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

// patience is how long a test waits for an event before it fails. No test passes because of it.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"refreshd": main, "refreshd-shifted": shifted})
}

// TestScript runs the scripts in testdata/script with the real program. With UPDATE_SCRIPTS=1 it
// writes the program's output into the scripts that compare it. Commands beside testscript's own:
//
//	start ARGS...          start refreshd and wait until it listens; set $ADDR and $OPS, and $CURL
//	                       if it has a development key
//	signal TERM|INT|HUP    send the started refreshd a signal
//	logged REGEXP          wait until the started refreshd has logged it
//	ended STATUS           wait until it has ended, with this exit status or signal; write its
//	                       output to server.out and server.err
//	status N CMD ARGS...   run a command that must end with exit status N
//	http STATUS METHOD URL [FILE]  send a request, with FILE as JSON body; the answer's body is stdout
//	ready                  wait until the server is ready
//	paste                  send the request of $CURL, without a shell; expect 200
//	hold NAME              begin a request without its body
//	release NAME STATUS    send the body of a request that is held, and expect STATUS
//	refused                wait until the server accepts no more connections
//	drip nothing|header|body...  send requests that never end; expect that the server disconnects
//	body TOKEN FILE        write a request body with the token in the file TOKEN
//	load NAME FILE         set a variable to the content of a file
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
			"start": start, "signal": sendSignal, "logged": logged, "ended": ended,
			"status": status,
			"http":   request, "paste": paste, "hold": hold, "release": release, "refused": refused,
			"drip": drip, "ready": ready, "body": body, "load": load, "write": write,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[serverKey{}] = new(current)
			env.Setenv("SECRET", testSecret)
			env.Setenv("NEWLINE", "\n")
			env.Setenv("OTHER", strings.ToUpper(testSecret))
			env.Setenv("COLUMNS", "120")
			env.Setenv("REFRESH_DRAIN", "0s")
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

// current is the process that the commands of a script use.
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

// scriptEnv is the part of the script's environment that refreshd reads.
func scriptEnv(ts *testscript.TestScript) []string {
	env := []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME")}
	for _, name := range []string{
		"REFRESH_DRAIN", "REFRESH_DRAIN", "REFRESH_LISTEN", "REFRESH_OPS_LISTEN", "REFRESH_SECRET",
		"REFRESH_SECRET_FILE",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func waitFor(ts *testscript.TestScript, event string, p *process, happened func() bool) {
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.Done:
			ts.Fatalf("waiting for %s: refreshd ended: %v\n%s%s",
				event, p.State, p.out.String(), p.Log.String())
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waiting for %s: gave up\n%s%s", event, p.out.String(), p.Log.String())
		}
	}
}

func sendSignal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{
		"TERM": syscall.SIGTERM,
		"INT":  syscall.SIGINT,
		"HUP":  syscall.SIGHUP,
	}
	running(ts).Send(signals[args[0]])
}

func logged(ts *testscript.TestScript, _ bool, args []string) {
	pattern, p := regexp.MustCompile(args[0]), running(ts)
	found := func() bool { return pattern.MatchString(p.Log.String()) }
	waitFor(ts, "a log line "+args[0], p, found)
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
		ts.Fatalf("refreshd ended with %s, want %s\n%s", got, args, p.Log.String())
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
