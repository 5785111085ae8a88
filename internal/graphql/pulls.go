package graphql

// A pulls is a list of pull requests. There are none on this server, but gh asks
// for that of each run.
type pulls struct {
	TotalCount int32
	Nodes      *[]*pull
	Edges      *[]*pullEdge
	PageInfo   pageInfo
}

type pullEdge struct {
	Cursor string
	Node   *pull
}

type pull struct {
	Number            int32
	Title             string
	State             string
	URL               word
	HeadRefName       string
	HeadRepository    *repositoryNode
	IsCrossRepository bool
}

type pageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       *string
}

// PullRequests are those of the repository.
func (*repositoryNode) PullRequests(struct {
	States, Labels                          *[]string
	HeadRefName, BaseRefName, After, Before *string
	OrderBy                                 *struct{ Field, Direction string }
	First, Last                             *int32
},
) pulls {
	return pulls{Nodes: &[]*pull{}, Edges: &[]*pullEdge{}}
}
