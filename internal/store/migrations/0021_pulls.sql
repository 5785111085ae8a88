-- The number that the newest pull request of a repository has: issues would share it.
alter table repositories add column numbers bigint not null default 0;

-- What a fork was made of, 0 for another repository or once that is gone; and the
-- repository that all forks of each other come from, also when it is gone.
alter table repositories add column parent_id bigint not null default 0;
alter table repositories add column network_id bigint not null default 0; -- 0 for its own
alter table repositories add column forks bigint not null default 0; -- how many were made of it
create index repositories_parent on repositories (parent_id, id) where parent_id <> 0;
create index repositories_network on repositories (network_id, owner_id) where network_id <> 0;

create table pulls (
  id            {{id}},
  repo_id       bigint not null references repositories (id) on delete cascade,
  number        bigint not null,
  title         text not null,
  body          text not null,
  state         text not null,
  draft         bigint not null,
  author_id     bigint not null references accounts (id),
  base_ref      text not null,
  base_sha      text not null,
  head_repo_id  bigint not null, -- 0 when it is gone
  head_owner_id bigint not null references accounts (id),
  head_ref      text not null,
  head_sha      text not null,
  mergeable     text not null default '',
  checked       bigint not null default 0, -- mergeable says how the branches stand now
  merge_sha     text not null default '',
  merging       text not null default '',
  merged_at     bigint not null default 0,
  merged_by_id  bigint not null references accounts (id), -- the author unless it is merged
  closed_at     bigint not null default 0,
  created_at    bigint not null,
  updated_at    bigint not null,
  unique (repo_id, number)
);
create index pulls_created on pulls (repo_id, created_at, id);
create index pulls_updated on pulls (repo_id, updated_at, id);
create index pulls_state_created on pulls (repo_id, state, created_at, id);
create index pulls_state_updated on pulls (repo_id, state, updated_at, id);
create index pulls_open_head on pulls (head_repo_id, head_ref) where state = 'open';
create index pulls_open_base on pulls (repo_id, base_ref) where state = 'open';
create index pulls_merged_author on pulls (repo_id, author_id) where merged_at <> 0;
create index pulls_head_sha on pulls (repo_id, head_sha);
create index pulls_unchecked on pulls (repo_id, id) where state = 'open' and checked = 0;

create table pull_reviewers (
  pull_id    bigint not null references pulls (id) on delete cascade,
  account_id bigint not null references accounts (id) on delete cascade,
  primary key (pull_id, account_id)
);

create table pull_reviews (
  id           {{id}},
  pull_id      bigint not null references pulls (id) on delete cascade,
  author_id    bigint not null references accounts (id),
  state        text not null,
  body         text not null,
  commit_sha   text not null,
  submitted_at bigint not null default 0,
  created_at   bigint not null
);
create index pull_reviews_pull on pull_reviews (pull_id, id);

-- The commit of the ref of a run, whose workflow file it has; empty for the head itself.
alter table runs add column sha text not null default '';
create index runs_by_ref_sha on runs (repo_id, sha) where sha <> '';
-- The fork that the head of a run from a fork is in; 0 when that is gone, or not known.
alter table runs add column head_repo_id bigint not null default 0;
create index runs_by_fork on runs (head_repo_id) where head_repo_id <> 0;
