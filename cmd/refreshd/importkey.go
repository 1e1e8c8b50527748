package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"kalsel.dev/refresh/impl/service"
)

// imported returns the material of the key to import and its usual algorithm. The material is nil
// if the command makes a new key. An error is about importFlag.
func (cmd keysNewCmd) imported(p *program) (material any, algorithm string, _ error) {
	switch {
	case cmd.ImportSecret != "" && cmd.ImportPublic != "":
		return nil, "", errors.New("cannot be used together with --import-secret")
	case cmd.ImportSecret != "":
		secret, err := service.ReadSecret(warnings(p), cmd.importFlag(), cmd.ImportSecret)
		return secret, "HS256", err
	case cmd.ImportPublic != "":
		public, err := readPublicKey(cmd.ImportPublic)
		return public, usualAlgorithm(public), err
	}
	return nil, defaultAlgorithm, nil
}

func (cmd keysNewCmd) importFlag() string {
	if cmd.ImportPublic != "" {
		return "--import-public"
	}
	return "--import-secret"
}

// readPublicKey returns the public key in a PEM file. The file has the key itself, as openssl prints
// it with -pubout, or a certificate. readPublicKey fails if the file has anything else.
func readPublicKey(path string) (any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("is not a PEM file (-----BEGIN PUBLIC KEY-----)")
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return nil, errors.New("has a private key, which stays with the login; give its public half: " +
			"openssl pkey -in FILE -pubout")
	case strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("has more than one key or certificate")
	}
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return certificate.PublicKey, nil
	}
	return nil, fmt.Errorf("has a PEM block %q, and not a public key", block.Type)
}

// usualAlgorithm returns the algorithm that a public key is most often used with.
func usualAlgorithm(public any) string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return "RS256"
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P384() {
			return "ES384"
		}
		return "ES256"
	}
	return defaultAlgorithm
}
