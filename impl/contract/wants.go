package contract

import "net/http"

func ok() Want { return Want{Status: http.StatusOK} }

func badRequest(causes ...string) Want {
	return Want{
		Status:  http.StatusBadRequest,
		Kind:    "bad_request",
		Message: "Request is not valid",
		Causes:  causes,
	}
}

// silently returns the want with the reason why the document does not reject the request.
func (w Want) silently(reason string) Want {
	w.Silent = reason
	return w
}

func unauthorized(causes ...string) Want {
	return Want{
		Status:  http.StatusUnauthorized,
		Kind:    "unauthorized",
		Message: "Access token is missing or not valid",
		Causes:  causes,
	}
}

func forbidden(causes ...string) Want {
	return Want{
		Status:  http.StatusForbidden,
		Kind:    "forbidden",
		Message: "Not allowed",
		Causes:  causes,
	}
}

func notFound() Want {
	return Want{Status: http.StatusNotFound, Kind: "not_found", Message: "Not found"}
}

func methodNotAllowed() Want {
	return Want{
		Status:  http.StatusMethodNotAllowed,
		Kind:    "method_not_allowed",
		Message: "Method not allowed",
	}
}

func tooLarge() Want {
	return Want{
		Status:  http.StatusRequestEntityTooLarge,
		Kind:    "too_large",
		Message: "Request is too large",
		Causes:  []string{"the body must be at most 16384 bytes"},
		Silent:  "the document states the size of a body in words only",
	}
}

func unsupported(cause string) Want {
	return Want{
		Status:  http.StatusUnsupportedMediaType,
		Kind:    "unsupported_media_type",
		Message: "Media type is not supported",
		Causes:  []string{cause},
	}
}

func expired() Want {
	return Want{
		Status:  http.StatusMisdirectedRequest,
		Kind:    "jwt_error",
		Message: "Token expired",
		Causes:  []string{"token has expired"},
	}
}

// refused is the answer to a refresh token that is rejected; cause is judged at LevelExact unless it
// is "".
func refused(cause string) Want {
	w := Want{
		Status:  http.StatusUnprocessableEntity,
		Kind:    "jwt_error",
		Message: "Token is not valid",
	}
	if cause != "" {
		w.Causes = []string{cause}
	}
	return w
}

// revoked is the answer to a refresh token of a revoked session.
func revoked() Want { return refused("token is revoked") }

func internal() Want {
	return Want{
		Status:  http.StatusInternalServerError,
		Kind:    "internal",
		Message: "Something went wrong on our side",
		Causes:  []string{},
	}
}

func notEnabled() Want {
	return Want{
		Status:  http.StatusNotImplemented,
		Kind:    "not_enabled",
		Message: "Not enabled on this server",
	}
}

func unavailable() Want {
	return Want{
		Status:  http.StatusServiceUnavailable,
		Kind:    "unavailable",
		Message: "Try again soon",
		Causes:  []string{"the session store is not available"},
	}
}

func starting() Want {
	w := unavailable()
	w.Causes = []string{"the server is starting"}
	return w
}

func limited() Want {
	return Want{
		Status:  http.StatusTooManyRequests,
		Kind:    "rate_limiter",
		Message: "Too many requests",
		Causes:  []string{"too many requests from this address"},
	}
}
