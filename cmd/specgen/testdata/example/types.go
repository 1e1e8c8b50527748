// Package gen has the decoders of a contract that uses everything specgen supports.
package gen

// RevokeRequest is as oapi-codegen declares it.
type RevokeRequest struct {
	RefreshToken string
}

// VisitRequest is as oapi-codegen declares it.
type VisitRequest struct {
	Count   int32
	Page    *int32
	Reason  *string
	VisitID string
}

// SearchForm is a form.
type SearchForm struct {
	Order     *string
	VisitText string
}
