package token_test

import (
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/token"
)

func TestProfilesMint(t *testing.T) {
	const times = `{"exp":1611000600,"iat":1611000000,"jti":"paWlpaWlpaWlpaWlpaWlpQ",`
	for _, c := range []struct {
		name, profile, claim, refresh, access, successor string
	}{
		{
			"Flask-JWT-Extended", "flask-jwt-extended", "",
			`{"fresh":false,"iat":1610999000,"jti":"a","type":"refresh","sub":"7",` +
				`"nbf":1610999000,"exp":1611318219,"role":"x"}`,
			`"type":"access","fresh":false,"nbf":1611000000,"sub":"7","role":"x"}`,
			`"type":"refresh","fresh":false,"sid":`,
		},
		{
			"SimpleJWT", "simplejwt", "",
			`{"token_type":"refresh","exp":1611318219,"iat":1610999000,"jti":"a","user_id":42,` +
				`"type":[1],"identity":null}`,
			`"token_type":"access","user_id":42,"type":[1],"identity":null}`,
			`"token_type":"refresh","sid":`,
		},
		{
			"sub", "sub", "",
			`{"sub":"\u0061","exp":1611318219,"jti":"a","type":"x"}`,
			`"type":0,"fresh":false,"sub":"\u0061"}`,
			`"type":"x","sid":`,
		},
		{
			"sub without type", "sub", "",
			`{"sub":-42,"exp":1611318219,"jti":"a"}`,
			`"type":0,"fresh":false,"sub":-42}`,
			`"sid":`,
		},
		{
			"sub with a claim of refresh tokens", "sub", "use=refresh",
			`{"sub":1,"use":"\u0072efresh","exp":1611318219,"jti":"a","x":1}`,
			`"type":0,"fresh":false,"sub":1,"x":1}`,
			`"sid":`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := token.Rules{Profile: profile(t, c.profile, c.claim)}
			claims, minted := redeem(t, rules, signed(t, c.refresh))
			if claims != times+c.access {
				t.Errorf("access token\n%s\nwant\n%s", claims, times+c.access)
			}
			v := verifier(t, rules)
			access, err := v.Access(minted.Token, now())
			wantFault(t, access, err, nil)
			_, err = v.Refresh(minted.Token, now())
			wantFault(t, nil, err, token.ErrNotRefresh)

			first, err := v.Refresh(signed(t, c.refresh), now())
			wantFault(t, first, err, nil)
			s := token.Successor{
				Session:    sessionID,
				Generation: 1,
				IssuedAt:   now().Unix(),
				Expires:    1_611_318_219,
			}
			next, err := minter(t, rules).Refresh(first, s)
			must(t, next, err)
			if got := decode(t,
				strings.Split(next.Token, ".")[1]); !strings.Contains(got, c.successor) {
				t.Errorf("successor %s, want %s", got, c.successor)
			}
			second, err := v.Refresh(next.Token, now())
			wantFault(t, second, err, nil)
			if second.Identity != first.Identity || !second.Own {
				t.Errorf("got %+v", second)
			}
			again, err := minter(t, rules).Refresh(second, s)
			if must(t, again, err) != next {
				t.Errorf("a successor's successor differs:\n%s\n%s", next.Token, again.Token)
			}
			_, err = v.Access(next.Token, now())
			wantFault(t, nil, err, token.ErrNotAccess)
		})
	}
}

// TestTextOfAMark: if scope marks refresh tokens, it is no scope.
func TestTextOfAMark(t *testing.T) {
	claims := `{"sub":"7","scope":"refresh_token","azp":"web","exp":1611318219}`
	for mark, want := range map[string]string{"scope=refresh_token": "", "azp=web": "refresh_token"} {
		rules := token.Rules{Profile: profile(t, "sub", mark)}
		got, err := verifier(t, rules).Refresh(signed(t, claims), now())
		wantFault(t, got, err, nil)
		if scope, _ := got.Text("scope"); scope != want {
			t.Errorf("%s: the scope is %q, want %q", mark, scope, want)
		}
	}
}
