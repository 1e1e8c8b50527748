//go:build linux

package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
)

// serve runs one of the servers that refreshd is compared with, until the process is ended.
func serve(name string) error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	switch name {
	case floor:
		e.POST("/api/v1/refresh", constantAnswer([]byte(os.Getenv("BENCH_ANSWER"))))
	case byHand:
		e.POST("/api/v1/refresh", refreshByHand([]byte(os.Getenv("BENCH_SECRET"))))
	default:
		return errors.New("unknown server " + name)
	}
	return e.Start(os.Getenv("BENCH_LISTEN"))
}

func constantAnswer(body []byte) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		return c.JSONBlob(http.StatusOK, body)
	}
}

// refreshByHand is what one writes first: correct for well-meant requests, without validation beyond the range of limit.
func refreshByHand(secret []byte) echo.HandlerFunc {
	return func(c echo.Context) error {
		request := struct {
			RefreshToken string `json:"refresh_token"`
			Limit        int    `json:"limit"`
		}{Limit: 10080}
		if err := c.Bind(&request); err != nil || request.Limit < 10 || request.Limit > 10080 {
			return echo.NewHTTPError(http.StatusBadRequest, "request is not valid")
		}
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(request.RefreshToken, claims, func(*jwt.Token) (any, error) { return secret, nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		if errors.Is(err, jwt.ErrTokenExpired) {
			return echo.NewHTTPError(http.StatusMisdirectedRequest, "token has expired")
		}
		if err != nil || claims["type"] != 1.0 {
			return echo.NewHTTPError(http.StatusUnprocessableEntity, "token is not valid")
		}
		now := time.Now()
		expires := now.Add(time.Duration(request.Limit) * time.Minute).Unix()
		claims["type"], claims["fresh"], claims["iat"], claims["exp"] = 0, false, now.Unix(), expires
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, echo.Map{"access_token": token, "expired": expires})
	}
}
