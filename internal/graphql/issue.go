package graphql

import gql "github.com/graph-gophers/graphql-go"

// What GitHub's pull requests share with its issues, and what this server does not keep:
// it is asked for by gh, and always empty.

type autoMergeRequest struct {
	AuthorEmail, CommitBody, CommitHeadline *string
	MergeMethod                             string
	EnabledAt                               *word
	EnabledBy                               *actor
}

type milestone struct {
	Number      int32
	Title       string
	Description *string
	DueOn       *word
}

type reactionGroup struct {
	Content string
	Users   userList
}

type labelList struct {
	TotalCount int32
	Nodes      *[]*label
}

type label struct {
	ID          gql.ID
	Name, Color string
	Description *string
}

type userList struct {
	TotalCount int32
	Nodes      *[]*account
	PageInfo   pageInfo
}

type commentList struct {
	TotalCount int32
	Nodes      *[]*comment
	PageInfo   pageInfo
}

type comment struct {
	ID                               gql.ID
	Author                           *actor
	AuthorAssociation, Body          string
	CreatedAt                        word
	IncludesCreatedEdit, IsMinimized bool
	MinimizedReason                  *string
	ReactionGroups                   *[]reactionGroup
	URL                              word
	ViewerDidAuthor                  bool
}

type cardList struct {
	TotalCount int32
	Nodes      *[]*card
}

type card struct {
	Project *named
	Column  *named
}

type named struct{ Name string }

type issueList struct {
	TotalCount int32
	Nodes      *[]*issue
	PageInfo   pageInfo
}

type issue struct {
	ID         gql.ID
	Number     int32
	URL        word
	Repository *repositoryNode
}

// Labels are none.
func (*pullNode) Labels(listing) *labelList { return &labelList{Nodes: &[]*label{}} }

// Assignees are none.
func (*pullNode) Assignees(listing) userList { return userList{Nodes: &[]*account{}} }

// Comments are none.
func (*pullNode) Comments(listing) commentList { return commentList{Nodes: &[]*comment{}} }

// ProjectCards are none.
func (*pullNode) ProjectCards(listing) cardList { return cardList{Nodes: &[]*card{}} }

// ClosingIssuesReferences are none.
func (*pullNode) ClosingIssuesReferences(listing) *issueList { return &issueList{Nodes: &[]*issue{}} }

// ReactionGroups are none.
func (*pullNode) ReactionGroups() *[]reactionGroup { return &[]reactionGroup{} }
