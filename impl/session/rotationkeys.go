package session

import (
	"fmt"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

// CheckKeys returns an error if rotation cannot work with the keys. Each key of this service that
// signs now, or that will sign once others have expired, must sign the same input the same way each
// time. Else a successor whose answer was lost could not be minted again.
func CheckKeys(set *jwk.Set, now time.Time) error {
	moments := []int64{now.Unix()}
	for _, k := range set.All() {
		moments = append(moments, k.NotBefore(), k.Expires())
	}
	for _, at := range moments {
		if at < now.Unix() {
			continue
		}
		if k := set.Active(time.Unix(at, 0)); k != nil && !k.Reproducible() {
			return fmt.Errorf("rotation needs a key that signs reproducibly (HS256, HS384, HS512, RS256, "+
				"RS384, RS512 or EdDSA), and the key %q is for %s", k.ID(), k.Algorithm())
		}
	}
	return nil
}
