package web

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// PlaygroundOptions lets the server play the login service and an API. Whoever reaches the server can log in as
// anybody: it is for development keys.
type PlaygroundOptions struct {
	// Login signs an access token and a refresh token; expires is the access token's exp, in Unix seconds.
	Login func(ctx context.Context, request LoginRequest) (access, refresh string, expires int64, err error)
	// Identify returns the identity in a valid access token. The text of its error is shown to the caller.
	Identify func(ctx context.Context, access string) (identity string, err error)
}

// LoginRequest is what the login form asks for.
type LoginRequest struct {
	Identity        string
	Name            string
	AccessLifetime  time.Duration
	RefreshLifetime time.Duration
}

// loginBody is LoginRequest as the page sends it, times in seconds.
type loginBody struct {
	Identity       string `json:"identity"`
	Name           string `json:"name"`
	AccessSeconds  int64  `json:"access_seconds"`
	RefreshSeconds int64  `json:"refresh_seconds"`
}

// loginAnswer is what a login service answers.
type loginAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Expired      int64  `json:"expired"`
}

const (
	maxLoginBody = 4 << 10
	year         = 365 * 24 * 60 * 60 // seconds
	switchedOff  = "the playground is switched off: start the server with a development key or with --playground"
)

func (s *site) playground(o *PlaygroundOptions) {
	if o == nil {
		s.refusals()
		return
	}
	s.file("/playground", "playground/index.html", policyPage)
	s.file("/playground/playground.js", "playground/playground.js", policyNone)
	s.file("/playground/show.js", "playground/show.js", policyNone)
	s.file("/playground/playground.css", "playground/playground.css", policyNone)
	s.add(http.MethodPost, "/playground/login", http.HandlerFunc(o.login))
	s.add(http.MethodGet, "/playground/hello", http.HandlerFunc(o.hello))
}

// refusals adds a page that says how to switch the playground on, and the same for programs.
func (s *site) refusals() {
	page := newAsset("playground/off.html", policyPage, nil)
	page.status = http.StatusForbidden
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "Forbidden", "forbidden", switchedOff)
	})
	s.add(http.MethodGet, "/playground", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			page.ServeHTTP(w, r)
			return
		}
		refuse(w, r)
	}))
	s.add(http.MethodPost, "/playground/login", refuse)
	s.add(http.MethodGet, "/playground/hello", refuse)
}

// login answers as the login service of an application would.
func (o *PlaygroundOptions) login(w http.ResponseWriter, r *http.Request) {
	// A page of another origin cannot send this type without being asked for its permission.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, "Media type is not supported", "unsupported_media_type", "Content-Type: must be application/json")
		return
	}
	request, causes := readLogin(http.MaxBytesReader(w, r.Body, maxLoginBody))
	if causes != nil {
		fail(w, http.StatusBadRequest, "Request is not valid", "bad_request", causes...)
		return
	}
	access, refresh, expires, err := o.Login(r.Context(), request)
	if err != nil {
		fail(w, http.StatusInternalServerError, "Something went wrong on our side", "internal")
		return
	}
	answer(w, http.StatusOK, loginAnswer{access, refresh, expires})
}

func readLogin(body io.Reader) (request LoginRequest, causes []string) {
	var b loginBody
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return request, []string{"body: must be a JSON object with identity, name, access_seconds and refresh_seconds"}
	}
	if b.Identity == "" || len(b.Identity) > 200 || len(b.Name) > 200 {
		causes = append(causes, "identity: must have 1 to 200 bytes, and name at most 200")
	}
	if b.AccessSeconds < 1 || b.AccessSeconds > year || b.RefreshSeconds < 1 || b.RefreshSeconds > year {
		causes = append(causes, "access_seconds, refresh_seconds: must be from 1 second to 1 year")
	}
	return LoginRequest{
		Identity: b.Identity, Name: b.Name,
		AccessLifetime: time.Duration(b.AccessSeconds) * time.Second, RefreshLifetime: time.Duration(b.RefreshSeconds) * time.Second,
	}, causes
}

// hello is an API that needs to know who is calling.
func (o *PlaygroundOptions) hello(w http.ResponseWriter, r *http.Request) {
	access, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		unauthorized(w, "Authorization: must be Bearer and the access token")
		return
	}
	identity, err := o.Identify(r.Context(), access)
	if err != nil {
		unauthorized(w, err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]string{"hello": identity})
}

func unauthorized(w http.ResponseWriter, cause string) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	fail(w, http.StatusUnauthorized, "Unauthorized", "unauthorized", cause)
}

// fail answers with the error envelope of the contract.
func fail(w http.ResponseWriter, status int, message, kind string, causes ...string) {
	if causes == nil {
		causes = []string{}
	}
	answer(w, status, struct {
		Status  int      `json:"status"`
		Message string   `json:"message"`
		Error   string   `json:"error"`
		Causes  []string `json:"causes"`
	}{status, message, kind, causes})
}

func answer(w http.ResponseWriter, status int, body any) {
	protect(w.Header(), policyNone)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody is left to tell
}
