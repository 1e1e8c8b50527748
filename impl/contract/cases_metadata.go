package contract

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

func metadataCases() []Case {
	request := metadataRequest()
	return []Case{
		{
			Name:     "oauthMetadata/answer/endpoints",
			Rule:     "The metadata names the issuer, the endpoints and their abilities (RFC 8414).",
			Left:     needsMetadata,
			Produces: http.StatusOK,
			Run: func(r *Run) {
				a := r.send(request, ok())
				var metadata struct {
					Issuer        string   `json:"issuer"`
					Token         string   `json:"token_endpoint"`
					Revocation    string   `json:"revocation_endpoint"`
					Introspection string   `json:"introspection_endpoint"`
					Keys          string   `json:"jwks_uri"`
					GrantTypes    []string `json:"grant_types_supported"`
					ResponseTypes []string `json:"response_types_supported"`
					AuthToRefresh []string `json:"token_endpoint_auth_methods_supported"`
					AuthToRevoke  []string `json:"revocation_endpoint_auth_methods_supported"`
					AuthOfAPIs    []string `json:"introspection_endpoint_auth_methods_supported"`
				}
				err := json.Unmarshal(a.Body, &metadata)
				at, _ := strings.CutSuffix(metadata.Token, oauthTokenPath)
				public := []string{"none"}
				if err != nil || metadata.Issuer != r.Issuer || !strings.HasPrefix(at, "http") ||
					strings.HasSuffix(at, "/") ||
					metadata.Token != at+oauthTokenPath ||
					metadata.Revocation != at+oauthRevokePath ||
					metadata.Introspection != at+oauthIntrospectPath ||
					metadata.Keys != at+keysPath ||
					!slices.Equal(metadata.GrantTypes, []string{"refresh_token"}) ||
					metadata.ResponseTypes == nil || len(metadata.ResponseTypes) > 0 ||
					!slices.Equal(metadata.AuthToRefresh, public) ||
					!slices.Equal(metadata.AuthToRevoke, public) ||
					!slices.Equal(metadata.AuthOfAPIs, []string{"client_secret_basic"}) {
					r.breach("the metadata must name the issuer, the endpoints and their abilities",
						"%s", excerpt(a.Body))
				}
			},
		},
	}
}

func metadataRequest() Request {
	return Request{Method: http.MethodGet, Path: oauthMetadataPath}
}
