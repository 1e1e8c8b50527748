package web

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/problem"
)

// PlaygroundOptions are the functions of a login service and of an API. The playground asks for no
// password: every caller can log in as any identity. Use it with development keys only.
type PlaygroundOptions struct {
	// Login signs an access token and a refresh token. It returns them with the exp of the access
	// token, in Unix seconds.
	Login func(ctx context.Context, r LoginRequest) (
		access, refresh string, expires int64, err error)
	// Identify returns the identity in an access token. If the token is invalid, it returns an
	// error whose text the caller may read.
	Identify func(ctx context.Context, access string) (identity string, err error)
	// Administrators can log in too. Allow this only with a development key.
	Administrators bool
	// BrowserDoor says that the server has the browser operations.
	BrowserDoor bool
	// Window is how long after a rotation the old refresh token is accepted for certain. 0 means that
	// rotation is off.
	Window time.Duration
}

// LoginRequest has the values of the login form.
type LoginRequest struct {
	Identity        string
	Name            string
	Admin           bool
	AccessLifetime  time.Duration
	RefreshLifetime time.Duration
}

// loginBody is the JSON of a LoginRequest.
type loginBody struct {
	Identity       string `json:"identity"`
	Name           string `json:"name"`
	Admin          bool   `json:"is_admin"`
	AccessSeconds  int64  `json:"access_seconds"`
	RefreshSeconds int64  `json:"refresh_seconds"`
}

const (
	maxLoginBody = 4 << 10
	year         = 365 * 24 * 60 * 60 // seconds
)

// login implements POST /playground/login. It answers like the login service of an application.
func (o *PlaygroundOptions) login(w http.ResponseWriter, r *http.Request) {
	// Browsers let a page of another origin send this media type only if the server allows it.
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		const cause = "Content-Type: must be application/json"
		fail(w, problem.New(http.StatusUnsupportedMediaType, cause))
		return
	}
	request, causes := readLogin(http.MaxBytesReader(w, r.Body, maxLoginBody))
	if request.Admin && !o.Administrators {
		causes = append(causes, "is_admin: must be absent: administrators can log in here only if "+
			"the server has a development key")
	}
	if causes != nil {
		fail(w, problem.New(http.StatusBadRequest, causes...))
		return
	}
	access, refresh, expires, err := o.Login(r.Context(), request)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		Expired      int64  `json:"expired"`
	}{access, refresh, expires})
}

// readLogin returns the request, or the mistakes in it.
func readLogin(body io.Reader) (request LoginRequest, causes []string) {
	var b loginBody
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return request, []string{
			"body: must be a JSON object with identity, name, access_seconds and refresh_seconds",
		}
	}
	if b.Identity == "" || len(b.Identity) > 200 || len(b.Name) > 200 {
		causes = append(causes, "identity: must have 1 to 200 bytes, and name at most 200")
	}
	if min(b.AccessSeconds, b.RefreshSeconds) < 1 || max(b.AccessSeconds, b.RefreshSeconds) > year {
		causes = append(causes, "access_seconds, refresh_seconds: must be from 1 second to 1 year")
	}
	return LoginRequest{
		Identity:        b.Identity,
		Name:            b.Name,
		Admin:           b.Admin,
		AccessLifetime:  time.Duration(b.AccessSeconds) * time.Second,
		RefreshLifetime: time.Duration(b.RefreshSeconds) * time.Second,
	}, causes
}

// hello implements GET /playground/hello, an operation of an API that needs an access token.
func (o *PlaygroundOptions) hello(w http.ResponseWriter, r *http.Request) {
	access, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		const cause = "Authorization: must be Bearer and the access token"
		fail(w, problem.Unauthorized(cause, "Bearer"))
		return
	}
	identity, err := o.Identify(r.Context(), access)
	if err != nil {
		fail(w, problem.OfAccessToken(err))
		return
	}
	answer(w, http.StatusOK, map[string]string{"hello": identity})
}

// fail answers with the error envelope of the contract.
func fail(w http.ResponseWriter, err error) {
	protect(w.Header(), policyFile)
	problem.Write(w, err)
}

func answer(w http.ResponseWriter, status int, body any) {
	protect(w.Header(), policyFile)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the client has closed the connection
}
