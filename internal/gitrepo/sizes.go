package gitrepo

import "context"

// Sizes are the sizes of objects, in bytes: NotFound if one is not there.
func (v *View) Sizes(ctx context.Context, shas []string) ([]int64, error) {
	sizes := make([]int64, 0, len(shas))
	err := v.read(ctx, func(c *catFile) error {
		sizes = sizes[:0] // it may be the second try
		for _, sha := range shas {
			if err := checkSHA(sha); err != nil {
				return err
			}
			o, err := c.info(sha)
			if err != nil {
				return err
			}
			sizes = append(sizes, o.size)
		}
		return nil
	})
	return sizes, err
}
