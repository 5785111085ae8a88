-- Versions of what is in a repository, with files to download.
create table releases (
  id           {{id}},
  repo_id      bigint not null references repositories (id) on delete cascade,
  tag_name     text not null,
  target       text not null, -- where the tag is made when there is none
  name         text not null,
  body         text not null,
  draft        bigint not null,
  prerelease   bigint not null,
  marked       bigint not null default 0, -- somebody said that it is the latest one
  author_id    bigint not null references accounts (id),
  created_at   bigint not null,
  published_at bigint not null, -- 0 for a draft
  updated_at   bigint not null
);
create unique index releases_tag on releases (repo_id, tag_name) where draft = 0;
create index releases_list on releases (repo_id, created_at, id);
create index releases_author on releases (author_id);

create table release_assets (
  id           {{id}},
  repo_id      bigint not null references repositories (id) on delete cascade,
  release_id   bigint not null references releases (id) on delete cascade,
  name         text not null,
  label        text not null,
  content_type text not null,
  object_id    bigint not null, -- its bytes
  size         bigint not null,
  digest       text not null,
  downloads    bigint not null default 0,
  uploader_id  bigint not null references accounts (id),
  created_at   bigint not null,
  updated_at   bigint not null
);
create unique index release_assets_name on release_assets (release_id, name);
create index release_assets_repo on release_assets (repo_id);
create index release_assets_uploader on release_assets (uploader_id);
