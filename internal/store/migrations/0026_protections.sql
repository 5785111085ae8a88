-- What branches require before they move.
create table protections (
  repo_id    bigint not null references repositories (id) on delete cascade,
  branch     text not null,
  rules      text not null,
  created_at bigint not null,
  updated_at bigint not null,
  primary key (repo_id, branch)
);
