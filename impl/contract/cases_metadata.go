package contract

import (
	"encoding/json"
	"net/http"
	"slices"
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
					TokenEndpoint string   `json:"token_endpoint"`
					GrantTypes    []string `json:"grant_types_supported"`
					ResponseTypes []string `json:"response_types_supported"`
					AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
				}
				err := json.Unmarshal(a.Body, &metadata)
				if err != nil || metadata.Issuer != r.Issuer || metadata.TokenEndpoint == "" ||
					!slices.Equal(metadata.GrantTypes, []string{"refresh_token"}) ||
					metadata.ResponseTypes == nil || len(metadata.ResponseTypes) > 0 ||
					!slices.Equal(metadata.AuthMethods, []string{"none"}) {
					r.breach("the metadata must name the issuer and the abilities of the server", "%s",
						excerpt(a.Body))
				}
			},
		},
	}
}

func metadataRequest() Request {
	return Request{Method: http.MethodGet, Path: oauthMetadataPath}
}
